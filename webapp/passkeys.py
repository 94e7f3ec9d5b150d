"""The passkeys of a user: listing, naming, removing them. How one is made and used: passkey_ceremonies.py."""

from datetime import datetime

from sqlalchemy import select

from webapp import audit, outbox
from webapp.database import DbSession
from webapp.errors import InvalidFields, NotFound
from webapp.models import PASSKEY_NAME_LENGTH, Passkey
from webapp.outbox import MailKind
from webapp.text import is_one_line


def list_passkeys(db: DbSession, *, user_id: int) -> list[Passkey]:
    """Return the user's passkeys, the newest first."""
    return list(db.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id.desc())))


def rename(db: DbSession, *, passkey_id: int, user_id: int, name: str, client: audit.Client, now: datetime) -> Passkey:
    """Give one of the user's passkeys another name; commits. Raises InvalidFields for the name, and NotFound."""
    check_name(name)
    passkey = _own(db, passkey_id, user_id)
    passkey.name = name.strip()
    audit.record(db, audit.Kind.PASSKEY_RENAMED, client=client, now=now, user_id=user_id, actor_id=user_id)
    db.commit()
    return passkey


def remove(db: DbSession, *, passkey_id: int, user_id: int, client: audit.Client, now: datetime) -> None:
    """Remove one of the user's passkeys; commits. Raises NotFound."""
    passkey = _own(db, passkey_id, user_id)
    name = passkey.name
    db.delete(passkey)
    audit.record(db, audit.Kind.PASSKEY_REMOVED, client=client, now=now, user_id=user_id, actor_id=user_id, name=name)
    outbox.enqueue(db, MailKind.PASSKEY_REMOVED, user_id=user_id, now=now, passkey=name)
    db.commit()


def _own(db: DbSession, passkey_id: int, user_id: int) -> Passkey:
    found = db.scalar(select(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == user_id))
    if found is None:
        raise NotFound("You have no passkey with this id.")
    return found


def check_name(name: str) -> None:
    """Raise InvalidFields unless `name` can stand in a list."""
    if not 0 < len(name.strip()) <= PASSKEY_NAME_LENGTH or not is_one_line(name):
        raise InvalidFields({"name": [f"Use 1 to {PASSKEY_NAME_LENGTH} characters, all of which can be seen."]})
