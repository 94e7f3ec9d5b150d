"""The link that confirms an address, whether of a new account or the new one of an old account."""

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import select

from webapp import audit, authentication, email_change, one_time_tokens, registration
from webapp.authentication import Authenticated
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import InvalidLink
from webapp.known_devices import KnownDevice
from webapp.models import User
from webapp.one_time_tokens import Purpose

_PURPOSES: Final = (Purpose.VERIFY_EMAIL, Purpose.CHANGE_EMAIL)


class Link(NamedTuple):
    """What a link that works does: whose account it is for, and whether it changes the address of that, for which
    another account may make room that has the address and never proved it."""

    user_id: int | None
    email: str
    is_change: bool
    makes_room: bool


class Past(NamedTuple):
    """What is known of a link, whether or not it works still, and whether the account has its address by now."""

    is_change: bool
    is_confirmed: bool


def look(db: DbSession, *, token: str, now: datetime) -> Link:
    """Return what a link that confirms an address does, and leave it so. Raises what `confirm` would raise as things
    are."""
    row = one_time_tokens.look(db, token, *_PURPOSES, now=now)
    is_change = row.purpose == Purpose.CHANGE_EMAIL
    return Link(row.user_id, str(row.email), is_change, makes_room=is_change and email_change.check(db, row))


def past_of(db: DbSession, *, token: str) -> Past | None:
    """Return what is known of a link, or None if it never was one, or was forgotten once it was too old."""
    row = one_time_tokens.find(db, token, *_PURPOSES)
    if row is None:
        return None
    confirmed = (User.id == row.user_id, User.email == row.email, User.email_verified)
    return Past(row.purpose == Purpose.CHANGE_EMAIL, db.scalar(select(User.id).where(*confirmed)) is not None)


def confirm(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> None:
    """Confirm the address that the link was sent to; commits. Raises InvalidLink, and AddressTaken."""
    _use(db, token=token, client=client, now=now)
    db.commit()


def _use(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> None:
    link = look(db, token=token, now=now)
    use = email_change.confirm if link.is_change else registration.verify
    use(db, token=token, client=client, now=now)


def confirm_with_password(
    db: DbSession,
    settings: Settings,
    *,
    token: str,
    password: str,
    device: KnownDevice,
    client: audit.Client,
    now: datetime,
) -> Authenticated:
    """Confirm the address for who has the account's password too, as at a sign-in; the caller opens the session and
    commits. Return who that is.

    Whoever signed up with somebody else's address is not let in by the click of its owner. Raises what `confirm` and
    `authentication.check_password` raise."""
    user = db.get(User, look(db, token=token, now=now).user_id)
    if user is None:
        raise InvalidLink
    who = {"email": user.email, "password": password, "device": device, "client": client, "now": now}
    found = authentication.check_password(db, settings, **who)  # type: ignore[arg-type]
    # Not committed here: what was found of the account has to hold until its session is open.
    _use(db, token=token, client=client, now=now)
    return found
