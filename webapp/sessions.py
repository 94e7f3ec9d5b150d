"""Sessions: opening, reading, refreshing with confirm-on-use rotation. The row decides at every request.

A refresh token is a signed (sid, generation). A rotation hands out generation + 1 and writes nothing; the row moves on
when the successor comes back, by itself or as `rgen` of the access token that travelled with it. So a lost answer
costs nothing however late the retry, and parallel refreshes get equivalent successors."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import update

from webapp import audit, metrics, one_time_tokens, outbox, tokens
from webapp.config import Settings, Transport
from webapp.database import DbSession
from webapp.errors import InvalidToken, TokenReused
from webapp.models import ACTIVITY_LENGTH, ADDRESS_LENGTH, USER_AGENT_LENGTH, AuthSession
from webapp.revocation import EndReason, end_for_reuse
from webapp.session_state import SessionState, find, note_refresh, note_seen

Presented = Literal["cookie", "bearer", "body"]  # the three ways in which a refresh token may arrive


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token, and a refresh token if one was handed out; their lives in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str | None
    refresh_expires_in: int
    session: SessionState


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
    expires_at = now + settings.session_max
    row = AuthSession(
        id=secrets.token_urlsafe(16),
        user_id=user_id,
        transport=transport,
        remember=remember,
        generation=1,
        confirmed_at=now,
        created_at=now,
        authenticated_at=now,
        last_seen_at=now,
        refresh_expires_at=min(now + settings.refresh_ttl, expires_at),
        expires_at=expires_at,
        user_agent=client.user_agent[:USER_AGENT_LENGTH],
        ip=client.address[:ADDRESS_LENGTH],
        activity=client.activity[:ACTIVITY_LENGTH],
    )
    db.add(row)
    sid = row.id
    audit.record(db, audit.Kind.SIGN_IN, client=client, now=now, user_id=user_id, actor_id=user_id, session_id=sid)
    one_time_tokens.cancel(db, one_time_tokens.Purpose.RESET_PASSWORD, user_id=user_id, now=now)
    if is_new_device:
        outbox.enqueue(db, outbox.MailKind.NEW_DEVICE, user_id=user_id, now=now, session_id=sid)
    db.commit()
    return _issue(settings, find(db, sid, user_id), gen=1, rgen=None, now=now)


# --- reading -------------------------------------------------------------------------------------------


def read(
    db: DbSession, settings: Settings, claims: tokens.AccessClaims, *, client: audit.Client, now: datetime
) -> SessionState:
    """Return the live session of an access token; confirms its generation if the token proves a newer one.

    Raises SessionEnded if the session was revoked, has expired, is unknown, or its user is not active."""
    session = find(db, claims.sid, claims.user_id)
    session.require_live(now)
    if claims.rgen is not None and claims.rgen > session.generation:
        session = _confirm(db, settings, session, claims.rgen, now=now)
        session.require_live(now)
    note_seen(db, session, client=client, now=now)
    return session


def read_for_page(db: DbSession, claims: tokens.RefreshClaims, *, client: audit.Client, now: datetime) -> SessionState:
    """Return the live session of the cookie a page was asked with: its session counts, not its rotation.

    Raises SessionEnded as `read` does, and InvalidToken for a token that was given out to travel in bodies."""
    session = find(db, claims.sid, claims.user_id)
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
    session = find(db, claims.sid, claims.user_id)
    if (session.transport == "cookie") != (presented == "cookie"):
        raise InvalidToken("A refresh token travels the way that was chosen at sign-in.")
    if claims.gen > session.generation and session.is_live(now):
        session = _confirm(db, settings, session, claims.gen, now=now)
    if _is_superseded(settings, session, claims.gen, now=now):
        end_for_reuse(db, session, client=client, now=now)
        metrics.count_reuse()
        raise TokenReused(EndReason.REUSE)
    session.require_live(now)
    note_refresh(db, session, "manual", client=client, now=now)
    if claims.gen < session.generation:
        # A late request of the same client: no successor. A cookie jar has the current token by now. Others may keep
        # what they sent if the answer brings none (RFC 6749 §6), and that would be theft once the leeway is over.
        current = None if presented == "cookie" else session.generation
        return _issue(settings, session, gen=current, rgen=None, now=now)
    if presented == "bearer" and now - claims.issued_at < settings.rotate_after:
        return _issue(settings, session, gen=None, rgen=None, now=now)
    successor = claims.gen + 1
    # A Bearer token goes on serving a client that ignores the successor, so its access tokens confirm nothing.
    return _issue(settings, session, gen=successor, rgen=None if presented == "bearer" else successor, now=now)


def _confirm(db: DbSession, settings: Settings, session: SessionState, gen: int, *, now: datetime) -> SessionState:
    """Move the row on to `gen`, which its client has shown to have; commits and reads the row again."""
    db.execute(
        update(AuthSession)
        .where(AuthSession.id == session.sid, AuthSession.generation < gen, AuthSession.revoked_at.is_(None))
        .values(
            generation=gen,
            confirmed_at=now,
            refresh_expires_at=min(now + settings.refresh_ttl, session.expires_at),
        )
    )
    db.commit()
    # Another request may have confirmed first, or ended the session: the row says.
    return find(db, session.sid, session.user.id)


def _is_superseded(settings: Settings, session: SessionState, gen: int, *, now: datetime) -> bool:
    is_late = gen == session.generation - 1 and now < session.confirmed_at + settings.refresh_leeway
    return gen < session.generation and not is_late


def _issue(settings: Settings, session: SessionState, *, gen: int | None, rgen: int | None, now: datetime) -> TokenPair:
    """Mint an access token, and a refresh token of generation `gen`; neither outlives the session."""
    user_id, sid = session.user.id, session.sid
    access_end = min(now + settings.access_ttl, session.expires_at)
    refresh_end = min(now + settings.refresh_ttl, session.expires_at)
    access_token = tokens.mint_access(
        settings,
        user_id=user_id,
        sid=sid,
        authenticated_at=session.authenticated_at,
        rgen=rgen,
        now=now,
        expires_at=access_end,
    )
    refresh_token = None
    # With refresh switched off, the cookie by which pages know the user is all that is left of refresh tokens.
    if gen is not None and (settings.refresh_token_enabled or session.transport == "cookie"):
        refresh_token = tokens.mint_refresh(
            settings, user_id=user_id, sid=sid, gen=gen, now=now, expires_at=refresh_end
        )
    return TokenPair(access_token, _seconds(now, access_end), refresh_token, _seconds(now, refresh_end), session)


def _seconds(now: datetime, end: datetime) -> int:
    return int(end.timestamp()) - int(now.timestamp())


# --- silent refresh ------------------------------------------------------------------------------------


def due_renewal(
    settings: Settings, session: SessionState, claims: tokens.AccessClaims, *, now: datetime
) -> dict[str, Any] | None:
    """Return the arguments of `tokens.mint_access` for the successor of an access token near its end, or None.

    The successor keeps `sid`, `rgen` and `authenticated_at` (never fresher), and ends no later than the session."""
    remaining = claims.expires_at - now
    if not settings.refresh_token_enabled or not timedelta(0) < remaining < settings.auto_refresh_threshold:
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
