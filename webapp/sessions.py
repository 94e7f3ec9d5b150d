"""Sessions: opening, reading, refreshing with confirm-on-use rotation. The row decides at every request.

A refresh token is a signed (sid, generation). A rotation hands out generation + 1 and leaves the row's; that moves on
when the successor comes back, by itself or as `rgen` of the access token that travelled with it. So a lost answer
costs nothing however late the retry, and parallel refreshes get equivalent successors.

A little longer than others: these are rules about one row, which are to be read together."""

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import bindparam, insert, update

from webapp import audit, clock, metrics, one_time_tokens, outbox, tokens
from webapp.config import Settings, Transport
from webapp.database import DbSession, table_of
from webapp.errors import InvalidToken, TokenReused
from webapp.models import ACTIVITY_LENGTH, ADDRESS_LENGTH, USER_AGENT_LENGTH, AuthSession
from webapp.revocation import end_for_reuse
from webapp.session_notes import note_refresh, note_seen, only_noted
from webapp.session_state import SessionState, find
from webapp.token_pairs import TokenPair, end_of_refresh, issue

_rows: Final = table_of(AuthSession)
_open: Final = insert(_rows)
_move_on: Final = (
    update(_rows)
    .where(_rows.c.id == bindparam("sid"), _rows.c.generation < bindparam("gen"), _rows.c.revoked_at.is_(None))
    .values(
        generation=bindparam("gen"),
        confirmed_at=bindparam("at"),
        confirmed_on=bindparam("host"),
        refresh_expires_at=bindparam("until"),
    )
)

Presented = Literal["cookie", "bearer", "body"]  # the three ways in which a refresh token may arrive


# --- opening -------------------------------------------------------------------------------------------


def open_session(
    db: DbSession,
    settings: Settings,
    *,
    user_id: int,
    transport: Transport,
    remember: bool,
    client: audit.Client,
    now: datetime,
    is_new_device: bool = False,
) -> TokenPair:
    """Start a session for a user who has just proved who they are; commits. Return its first tokens.

    Links that reset the password open nothing any more: its owner has it. Of a new device they are mailed."""
    sid, expires_at = _new_id(), now + settings.session_max
    row = {
        "id": sid,
        "user_id": user_id,
        "transport": transport,
        "remember": remember,
        "generation": 1,
        "confirmed_at": now,
        "created_at": now,
        "authenticated_at": now,
        "last_seen_at": now,
        "refresh_expires_at": end_of_refresh(settings, now=now, session_end=expires_at),
        "expires_at": expires_at,
        "user_agent": client.user_agent[:USER_AGENT_LENGTH],
        "ip": client.address[:ADDRESS_LENGTH],
        "activity": client.activity[:ACTIVITY_LENGTH],
    }
    db.execute(_open, row)
    audit.record(db, audit.Kind.SIGN_IN, client=client, now=now, user_id=user_id, actor_id=user_id, session_id=sid)
    one_time_tokens.cancel(db, one_time_tokens.Purpose.RESET_PASSWORD, user_id=user_id, now=now)
    if is_new_device:
        outbox.enqueue(db, outbox.MailKind.NEW_DEVICE, user_id=user_id, now=now, session_id=sid)
    db.commit()
    return issue(settings, find(sid, user_id), gen=1, rgen=None, now=now)


def _new_id() -> str:
    """Return 128 random bits in base64url, no "-" first: that is an option on a command line, a formula in a sheet."""
    while (sid := secrets.token_urlsafe(16)).startswith("-"):
        pass
    return sid


# --- reading -------------------------------------------------------------------------------------------


def read(
    db: DbSession, settings: Settings, claims: tokens.AccessClaims, *, client: audit.Client, now: datetime
) -> SessionState:
    """Return the live session of an access token; confirms its generation if the token proves a newer one.

    Raises SessionEnded if the session was revoked, has expired, is unknown, or its user is not active."""
    session = find(claims.sid, claims.user_id)
    session.require_live(now)
    if claims.rgen is not None and claims.rgen > session.generation:
        session = _confirm(db, settings, session, claims.rgen, now=now)
        session.require_live(now)
    note_seen(db, session, client=client, now=now)
    return session


def read_for_page(db: DbSession, claims: tokens.RefreshClaims, *, client: audit.Client, now: datetime) -> SessionState:
    """Return the live session of the cookie a page was asked with: its session counts, not its rotation.

    Raises SessionEnded as `read` does, and InvalidToken for a token that was given out to travel in bodies."""
    session = find(claims.sid, claims.user_id)
    if session.transport != "cookie":
        raise InvalidToken
    session.require_live(now)
    note_seen(db, session, client=client, now=now)
    return session


# --- refreshing: confirm on use ------------------------------------------------------------------------


def refresh(
    db: DbSession,
    settings: Settings,
    claims: tokens.RefreshClaims,
    *,
    presented: Presented,
    client: audit.Client,
    now: datetime,
) -> TokenPair:
    """Return a new access token, and a successor if rotation is due (RFC 9700 §4.14.2; sessions.md).

    Raises SessionEnded if the session is revoked, expired or unknown, TokenReused — after committing the
    revocation — if `claims.gen` was superseded longer than the leeway ago, and InvalidToken if the token was
    presented in another way than the session's transport."""
    session = find(claims.sid, claims.user_id)
    if (session.transport == "cookie") != (presented == "cookie"):
        raise InvalidToken("A refresh token travels the way that was chosen at sign-in.")
    if claims.gen > session.generation and session.is_live(now):
        session = _confirm(db, settings, session, claims.gen, now=now)
    if _is_superseded(settings, session, claims.gen, now=now):
        end_for_reuse(db, session, client=client, now=now)
        metrics.count_reuse()
        raise TokenReused
    session.require_live(now)
    gen, rgen = _next_generations(settings, session, claims, presented=presented, now=now)
    until = None if gen is None else end_of_refresh(settings, now=now, session_end=session.expires_at)
    note_refresh(db, session, "manual", client=client, now=now, until=until)
    return issue(settings, session, gen=gen, rgen=rgen, now=now)


def _next_generations(
    settings: Settings, session: SessionState, claims: tokens.RefreshClaims, *, presented: Presented, now: datetime
) -> tuple[int | None, int | None]:
    """Return the generation of the refresh token that is handed out, if any, and the one that its access token proves
    to have arrived."""
    if claims.gen < session.generation:
        # A late request of the same client: no successor. A cookie jar has the current token by now. Others may keep
        # what they sent if the answer brings none (RFC 6749 §6), and that would be theft once the leeway is over.
        return None if presented == "cookie" else session.generation, None
    if presented == "bearer" and now - claims.issued_at < settings.rotate_after:
        return None, None
    successor = claims.gen + 1
    # A Bearer token goes on serving a client that ignores the successor, so its access tokens confirm nothing.
    return successor, None if presented == "bearer" else successor


def _confirm(db: DbSession, settings: Settings, session: SessionState, gen: int, *, now: datetime) -> SessionState:
    """Move the row on to `gen`, which its client has shown to have; commits. Return what the row says then.

    Where nothing can be written it says what it said: the next use of the token moves it on."""
    until = end_of_refresh(settings, now=now, session_end=session.expires_at)
    moved = None
    with only_noted(db):
        moved = db.execute(_move_on, {"sid": session.sid, "gen": gen, "at": now, "host": clock.HOST, "until": until})
        db.commit()
    if moved is None:
        return session
    if moved.rowcount:  # type: ignore[attr-defined]  # an UPDATE has one
        return replace(session, generation=gen, confirmed_at=now, confirmed_on=clock.HOST, refresh_expires_at=until)
    # Another request has confirmed first, or ended the session: the row says.
    return find(session.sid, session.user.id)


def _is_superseded(settings: Settings, session: SessionState, gen: int, *, now: datetime) -> bool:
    leeway = settings.refresh_leeway
    if session.confirmed_on not in ("", clock.HOST):
        # Two clocks: an honest client must not be taken for a thief because this one is ahead.
        leeway += clock.HOSTS_APART
    is_late = gen == session.generation - 1 and now < session.confirmed_at + leeway
    return gen < session.generation and not is_late


# --- silent refresh ------------------------------------------------------------------------------------


def due_renewal(
    settings: Settings, session: SessionState, claims: tokens.AccessClaims, *, now: datetime
) -> dict[str, Any] | None:
    """Return the arguments of `tokens.mint_access` for the successor of an access token near its end, or None.

    The successor keeps `sid`, `rgen` and `authenticated_at` (never fresher), and ends no later than the session."""
    if not settings.refresh_token_enabled or not now < claims.expires_at < now + settings.auto_refresh_threshold:
        return None
    expires_at = min(now + settings.access_ttl, session.expires_at)
    if int(expires_at.timestamp()) <= int(claims.expires_at.timestamp()):
        return None
    return {
        "user_id": claims.user_id,
        "sid": claims.sid,
        "authenticated_at": claims.authenticated_at,
        "rgen": claims.rgen,
        "now": now,
        "expires_at": expires_at,
    }
