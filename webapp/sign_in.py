"""The last step of every sign-in, whichever door it came through: a session, and a mail if the device is new."""

from datetime import UTC, datetime

from sqlalchemy import select

from webapp import audit, sessions
from webapp.config import Settings, Transport
from webapp.database import DbSession
from webapp.known_devices import KnownDevice
from webapp.models import ADDRESS_LENGTH, USER_AGENT_LENGTH, AuditEvent, AuthSession, User


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
) -> sessions.TokenPair:
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

    A browser is known by its cookie; a program, which has none, by its name and address together."""
    forgotten_at = db.scalar(select(User.devices_forgotten_at).where(User.id == user_id))
    if device.knows(user_id, forgotten_at=forgotten_at, now=now):
        return False
    same_place = select(AuthSession.id).where(
        AuthSession.user_id == user_id,
        AuthSession.user_agent == client.user_agent[:USER_AGENT_LENGTH],
        AuthSession.ip == client.address[:ADDRESS_LENGTH],
        AuthSession.created_at > (forgotten_at or datetime.min.replace(tzinfo=UTC)),
    )
    if db.scalar(same_place.limit(1)) is not None:
        return False
    earlier = select(AuditEvent.id).where(AuditEvent.user_id == user_id, AuditEvent.kind == audit.Kind.SIGN_IN)
    return db.scalar(earlier.limit(1)) is not None
