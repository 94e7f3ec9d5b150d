"""The link that confirms an address, whether of a new account or the new one of an old account."""

from datetime import datetime

from webapp import audit, email_change, one_time_tokens, registration
from webapp.database import DbSession
from webapp.one_time_tokens import Purpose


def confirm(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> None:
    """Confirm the address that the link was sent to; commits. Raises InvalidLink, and AddressTaken."""
    row = one_time_tokens.look(db, token, Purpose.VERIFY_EMAIL, Purpose.CHANGE_EMAIL, now=now)
    use = email_change.confirm if row.purpose == Purpose.CHANGE_EMAIL else registration.verify
    use(db, token=token, client=client, now=now)
