"""Everything that is kept about a user, for the user (GDPR, articles 15 and 20). No secret and no hash of one.

Others decide how much that is: whoever fails to sign in writes an event. So it is read a batch at a time."""

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain, groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, select

from webapp import audit, recovery_codes, session_state, throttle
from webapp.addresses import account_key
from webapp.config import Settings
from webapp.database import Base, DbSession, lock_rows
from webapp.devices import device_name
from webapp.keyset import Order, Page, Position, read_all, read_page
from webapp.models import AuditEvent, AuthSession, OneTimeToken, OutboxMail, Passkey, RecoveryCode, SessionRefresh, User
from webapp.one_time_tokens import Purpose
from webapp.outbox import MailKind

RULES: Final[throttle.Rules] = ((10, timedelta(hours=1)),)

_PROFILE: Final = ("id", "email", "first_name", "last_name", "email_verified", "is_admin", "is_active", "created_at")
_PROFILE_SINCE: Final = ("failed_sign_ins", "devices_forgotten_at")
_SESSION: Final = (
    *("id", "transport", "remember", "generation", "created_at", "authenticated_at", "confirmed_at", "last_seen_at"),
    *("refreshed_at", "refresh_expires_at", "expires_at", "revoked_at", "revoked_reason"),
    *("user_agent", "ip", "activity"),
)
_REFRESH: Final = ("session_id", "at", "method", "generation")
_PASSKEY: Final = ("id", "name", "created_at", "last_used_at", "credential_id", "transports", "sign_count")
_TOKEN: Final = ("purpose", "email", "session_id", "since", "created_at", "expires_at", "used_at")
_MAIL: Final = ("kind", "detail", "created_at", "next_attempt_at", "attempts", "last_error", "failed_at")
_EVENT: Final = ("id", "at", "kind", "user_id", "actor_id", "session_id", "ip", "user_agent", "request_id", "detail")
# There only if the address that was asked for has no account, which nobody is told: CHANGE_ASKED says it all.
_OF_FREE_ADDRESS: Final = (Purpose.CHANGE_EMAIL, MailKind.CONFIRM_NEW_ADDRESS)

_SESSIONS: Final = Order(AuthSession.created_at, AuthSession.id)
_EVENTS: Final = Order(AuditEvent.at, AuditEvent.id)

Row = dict[str, Any]


class Export(NamedTuple):
    """What is little, and by name the lists of what may be much, whose rows are read as they are taken."""

    facts: Row
    lists: dict[str, Iterator[Row]]


def export(db: DbSession, settings: Settings, *, user_id: int, client: audit.Client, now: datetime) -> Export:
    """Return the user's data as JSON values, instants in ISO 8601 (UTC), newest rows first; commits (an event).

    Raises TooManyAttempts after ten within an hour, and SessionEnded if the account was deleted meanwhile."""
    counted_as = account_key(f"user {user_id} data")
    # The row is locked first, so that of many at once each is counted before the next.
    lock_rows(db, User.is_active, User.id == user_id)
    if settings.ratelimit_enabled:
        throttle.check(db, audit.Kind.DATA_EXPORTED, RULES, account_key=counted_as, now=now)
    facts = {"exported_at": _instant(now), "profile": _profile(db, session_state.user_of_session(db, user_id))}
    who = {"user_id": user_id, "actor_id": user_id, "account_key": counted_as}
    audit.record(db, audit.Kind.DATA_EXPORTED, client=client, now=now, **who)  # type: ignore[arg-type]
    db.commit()
    lists = {
        "sessions": map(_session, _rows(db, _SESSION, _SESSIONS, AuthSession.user_id == user_id)),
        "refreshes": _refreshes(db, user_id),
        "passkeys": _own(db, Passkey, _PASSKEY, user_id),
        "recovery_codes": _own(db, RecoveryCode, ("made_at",), user_id),
        "one_time_tokens": _own(db, OneTimeToken, _TOKEN, user_id, OneTimeToken.purpose != _OF_FREE_ADDRESS[0]),
        "mails": _own(db, OutboxMail, _MAIL, user_id, OutboxMail.kind != _OF_FREE_ADDRESS[1]),
        "events": (_event(row, user_id) for row in _events(db, user_id)),
    }
    return Export(facts, {name: map(_as_json, rows) for name, rows in lists.items()})


def _profile(db: DbSession, user: User) -> Row:
    values = {name: getattr(user, name) for name in (*_PROFILE, *_PROFILE_SINCE)}
    codes_left = recovery_codes.count(db, user_id=user.id)
    return _as_json({**values, "second_factor_since": user.totp_enabled_at, "recovery_codes_left": codes_left})


def _session(row: Row) -> Row:
    return {"device": " on ".join(device_name(row["user_agent"])), **row}


def _refreshes(db: DbSession, user_id: int) -> Iterator[Row]:
    """Yield the refreshes of each session, also of those whose own rows are purged: their sign-ins name them."""
    is_own = AuthSession.user_id == user_id
    is_purged = AuditEvent.session_id.not_in(select(AuthSession.id).where(is_own))
    sieve = and_(AuditEvent.kind == audit.Kind.SIGN_IN, is_purged)
    kept = (row["id"] for row in _rows(db, ("id",), _SESSIONS, is_own))
    purged = _rows(db, ("session_id",), _EVENTS, AuditEvent.user_id == user_id, sieve=sieve)
    order = Order(SessionRefresh.at, SessionRefresh.id)
    for sid in chain(kept, (row["session_id"] for row in purged)):
        yield from _rows(db, _REFRESH, order, SessionRefresh.session_id == sid)


def _events(db: DbSession, user_id: int) -> Iterator[Row]:
    """Yield what happened to the account, and what its owner did. Two lists, of which an index has each in its order:
    it has not what is in one or the other."""
    about, by = (_rows(db, _EVENT, _EVENTS, column == user_id) for column in (AuditEvent.user_id, AuditEvent.actor_id))
    in_order = heapq.merge(about, by, key=lambda row: (row["at"], row["id"]), reverse=True)
    for _, same in groupby(in_order, key=lambda row: row["id"]):
        yield next(same)


def _event(row: Row, user_id: int) -> Row:
    """Return the event without what is other people's."""
    actor_id = row.pop("actor_id")
    row["by"] = "you" if actor_id == user_id else None if actor_id is None else "somebody_else"
    # An administrator's own data. Nobody is the actor of a failed sign-in: the owner is told where it came from.
    if row["by"] == "somebody_else":
        row |= {"ip": "", "user_agent": "", "request_id": ""}
    if row["user_id"] not in (None, user_id):  # what an administrator did: to whom, and nothing more of them
        row |= {"session_id": None, "detail": {}}
    return row


def _own(
    db: DbSession,
    model: type[Passkey] | type[RecoveryCode] | type[OneTimeToken] | type[OutboxMail],
    names: tuple[str, ...],
    user_id: int,
    *which: ColumnElement[bool],
) -> Iterator[Row]:
    return _rows(db, names, Order(model.id, model.id), and_(model.user_id == user_id, *which))


def _rows(
    db: DbSession,
    names: tuple[str, ...],
    order: Order,
    which: ColumnElement[bool],
    *,
    sieve: ColumnElement[bool] | None = None,
) -> Iterator[Row]:
    """Yield these columns of the rows of the order's table that meet the condition; `sieve` is read_page's."""
    model: type[Base] = order.by.class_
    statement = select(*order[:2], *(getattr(model, name) for name in names)).where(which)

    def read(position: Position, size: int) -> Page[Row]:
        return read_page(db, statement, order, position, size=size, make=make, sieve=sieve)

    def make(row: Any) -> Row:
        return dict(zip(names, row[2:], strict=True))

    return read_all(db, read)


def _as_json(row: Row) -> Row:
    return {name: _instant(value) if isinstance(value, datetime) else value for name, value in row.items()}


def _instant(value: datetime) -> str:
    """Return it as the API's other answers have it: 2026-11-02T09:40:12Z."""
    return value.isoformat().replace("+00:00", "Z")
