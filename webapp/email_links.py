"""The link that confirms an address, whether of a new account or the new one of an old account."""

from datetime import datetime

from webapp import audit, authentication, email_change, one_time_tokens, registration
from webapp.authentication import Authenticated
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import InvalidLink
from webapp.known_devices import KnownDevice
from webapp.models import OneTimeToken, User
from webapp.one_time_tokens import Purpose


def look(db: DbSession, *, token: str, now: datetime) -> OneTimeToken:
    """Return the row of a link that confirms an address, and leave it so. Raises InvalidLink."""
    return one_time_tokens.look(db, token, Purpose.VERIFY_EMAIL, Purpose.CHANGE_EMAIL, now=now)


def confirm(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> None:
    """Confirm the address that the link was sent to; commits. Raises InvalidLink, and AddressTaken."""
    _use(db, token=token, client=client, now=now)
    db.commit()


def _use(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> None:
    row = look(db, token=token, now=now)
    use = email_change.confirm if row.purpose == Purpose.CHANGE_EMAIL else registration.verify
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
