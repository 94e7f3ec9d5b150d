"""The passkeys of a user: listing, naming, removing them. How one is made and used: passkey_ceremonies.py."""

from datetime import datetime

from sqlalchemy import delete, select

from webapp import audit, outbox, session_state
from webapp.database import DbSession
from webapp.errors import InvalidFields, NotFound
from webapp.models import PASSKEY_NAME_LENGTH, Passkey
from webapp.outbox import MailKind
from webapp.text import is_one_line


def list_passkeys(db: DbSession, *, user_id: int) -> list[Passkey]:
    """Return the user's passkeys, the newest first."""
    return list(db.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id.desc())))


def rename(
    db: DbSession, *, passkey_id: int, user_id: int, sid: str, name: str, client: audit.Client, now: datetime
) -> Passkey:
    """Give one of the user's passkeys another name; commits. Return it, detached. Raises InvalidFields for the name,
    NotFound, and SessionEnded if the session `sid` was ended meanwhile."""
    session_state.lock_own(db, user_id=user_id, sid=sid)
    # Whoever removes it waits for the user's row.
    passkey = db.scalar(select(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == user_id))
    if passkey is None:
        raise _no_such_passkey()
    passkey.name = checked_name(name)
    audit.record(db, audit.Kind.PASSKEY_RENAMED, client=client, now=now, user_id=user_id, actor_id=user_id)
    db.flush()
    db.expunge(passkey)  # what was read stays readable, even if another request removes the row
    db.commit()
    return passkey


def remove(db: DbSession, *, passkey_id: int, user_id: int, sid: str, client: audit.Client, now: datetime) -> None:
    """Remove one of the user's passkeys; commits. Raises NotFound, and SessionEnded if the session `sid` was ended
    meanwhile."""
    session_state.lock_own(db, user_id=user_id, sid=sid)
    name = db.scalar(
        delete(Passkey)
        .where(Passkey.id == passkey_id, Passkey.user_id == user_id)
        .returning(Passkey.name)
        .execution_options(synchronize_session=False)
    )
    if name is None:
        raise _no_such_passkey()
    audit.record(db, audit.Kind.PASSKEY_REMOVED, client=client, now=now, user_id=user_id, actor_id=user_id, name=name)
    outbox.enqueue(db, MailKind.PASSKEY_REMOVED, user_id=user_id, now=now, passkey=name)
    db.commit()


def remove_all(
    db: DbSession,
    *,
    user_id: int,
    actor_id: int | None,
    client: audit.Client,
    now: datetime,
    since: datetime | None = None,
) -> list[str]:
    """Remove all of the user's passkeys but those from before `since`; the caller commits. Return their names."""
    which = [Passkey.user_id == user_id] + ([Passkey.created_at >= since] if since else [])
    names = list(db.scalars(delete(Passkey).where(*which).returning(Passkey.name)))
    kind = audit.Kind.PASSKEY_REMOVED
    for name in names:
        audit.record(db, kind, client=client, now=now, user_id=user_id, actor_id=actor_id, name=name)
    return names


def _no_such_passkey() -> NotFound:
    return NotFound("You have no passkey with this id.")


def checked_name(name: str) -> str:
    """Return `name` without the spaces around it. Raises InvalidFields unless it can stand in a list."""
    stripped = name.strip()
    if not 0 < len(stripped) <= PASSKEY_NAME_LENGTH or not is_one_line(stripped):
        raise InvalidFields({"name": [f"Use 1 to {PASSKEY_NAME_LENGTH} characters, all of which can be seen."]})
    return stripped
