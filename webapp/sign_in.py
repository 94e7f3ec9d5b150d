"""The last step of every sign-in, whichever door it came through: a session, and a mail if the device is new."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, exists, func, or_, select

from webapp import audit, sessions
from webapp.config import Settings, Transport
from webapp.database import DbSession, table_of
from webapp.known_devices import KnownDevice
from webapp.models import ADDRESS_LENGTH, USER_AGENT_LENGTH, AuditEvent, AuthSession, User
from webapp.revocation import EndReason
from webapp.token_pairs import TokenPair

_users, _rows, _events = table_of(User), table_of(AuthSession), table_of(AuditEvent)
# Of the oldest event, whichever that is: of two sign-ups at once, the one that found the account there may be dated
# before the one that made it. An index has it at hand, though strangers may have failed here a hundred thousand times.
_begins_at: Final = select(func.min(_events.c.at)).where(_events.c.user_id == _users.c.id).scalar_subquery()
# Among the account's own events: SQLite would look through those of everybody's sign-ins, by the index on kinds.
_signed_in_once: Final = exists().where(
    _events.c.user_id == _users.c.id, _events.c.kind.concat("") == audit.Kind.SIGN_IN.value
)
# Its owner, or an operator, did not want it to be in any more.
_was_put_out: Final = _rows.c.revoked_reason.in_((EndReason.ENDED_BY_USER.value, EndReason.ENDED_BY_OPERATOR.value))
# When the account forgot its devices; whether it was signed in to from this place since, by somebody who was not put
# out, and whether ever; whether the last sign-in that the browser's cookie tells of was put out. Events are purged
# after a time: that there was no sign-in shows only as long as the log goes back to the account's beginning.
_history: Final = select(
    _users.c.created_at,
    _users.c.devices_forgotten_at,
    exists()
    .where(
        _rows.c.user_id == _users.c.id,
        _rows.c.user_agent == bindparam("user_agent"),
        _rows.c.ip == bindparam("ip"),
        or_(_users.c.devices_forgotten_at.is_(None), _rows.c.created_at > _users.c.devices_forgotten_at),
        or_(_rows.c.revoked_reason.is_(None), ~_was_put_out),
    )
    .label("was_here"),
    exists()
    .where(
        _rows.c.user_id == _users.c.id,
        _rows.c.created_at.between(bindparam("cookie_from"), bindparam("cookie_until")),
        _was_put_out,
    )
    .label("was_put_out"),
    or_(exists().where(_rows.c.user_id == _users.c.id), _signed_in_once).label("was_anywhere"),
    (_begins_at <= _users.c.created_at).label("is_told_from_the_beginning"),
).where(_users.c.id == bindparam("user_id"))


def complete(
    db: DbSession,
    settings: Settings,
    *,
    user_id: int,
    transport: Transport,
    remember: bool,
    device: KnownDevice,
    client: audit.Client,
    now: datetime,
) -> TokenPair:
    """Open a session for a user who has just proved who they are; commits. Return its first tokens."""
    return sessions.open_session(
        db,
        settings,
        user_id=user_id,
        transport=transport,
        remember=remember,
        is_new_device=_is_new(db, user_id, device, client=client, now=now),
        client=client,
        now=now,
    )


def _is_new(db: DbSession, user_id: int, device: KnownDevice, *, client: audit.Client, now: datetime) -> bool:
    """Whether the owner should hear of this sign-in: not of the first one ever, nor of one from where they have been.

    A browser is known by its cookie; a program, which has none, by its name and address together. One that was ended
    from another device is as good as new."""
    place = {"user_agent": client.user_agent[:USER_AGENT_LENGTH], "ip": client.address[:ADDRESS_LENGTH]}
    found = db.execute(_history, {"user_id": user_id, **place, **_second_of(device, user_id)}).one()
    since = {"created_at": found.created_at, "forgotten_at": found.devices_forgotten_at}
    if device.knows(user_id, **since, now=now) and not found.was_put_out:
        return False
    is_first = found.is_told_from_the_beginning and not found.was_anywhere
    return not is_first and not found.was_here


def _second_of(device: KnownDevice, user_id: int) -> dict[str, datetime]:
    """Return the second in which the device has last signed in to the account, as far as its cookie tells."""
    begins_at = datetime.fromtimestamp(device.accounts.get(str(user_id), 0), UTC)
    return {"cookie_from": begins_at, "cookie_until": begins_at + timedelta(microseconds=999_999)}
