"""Changing the address: the new one is confirmed by a link, the old one is told and can undo it."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from webapp import audit, authentication, one_time_tokens, outbox, revocation
from webapp.addresses import canonical_address, email_key
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import AddressTaken, InvalidAddress, InvalidFields
from webapp.models import User
from webapp.one_time_tokens import Purpose
from webapp.outbox import MailKind
from webapp.revocation import EndReason


def ask(
    db: DbSession,
    settings: Settings,
    *,
    user_id: int,
    email: str,
    password: str,
    client: audit.Client,
    now: datetime,
) -> None:
    """Mail a link to the new address and a notice to the old one, which stays until the link is used; commits.

    The answer is the same if the new address has an account: its owner is told. Raises InvalidFields for `email` and
    `password`, TooManyAttempts."""
    try:
        address = canonical_address(email)
    except InvalidAddress as error:
        raise InvalidFields({"email": [error.detail]}) from None
    authentication.confirm_password(db, settings, user_id=user_id, password=password, client=client, now=now)
    user = db.get_one(User, user_id)
    if address == user.email:
        raise InvalidFields({"email": ["That is your address already."]})
    owner_id = db.scalar(select(User.id).where(User.email_key == email_key(address), User.id != user_id))
    one_time_tokens.cancel(db, Purpose.CHANGE_EMAIL, user_id=user_id, now=now)
    if owner_id is None:
        outbox.enqueue(db, MailKind.CONFIRM_NEW_ADDRESS, user_id=user_id, now=now, address=address)
    else:
        outbox.enqueue(db, MailKind.ADDRESS_IN_USE, user_id=owner_id, now=now)
    outbox.enqueue(db, MailKind.ADDRESS_CHANGE_ASKED, user_id=user_id, now=now, new_address=address)
    kind = audit.Kind.EMAIL_CHANGE_REQUESTED
    audit.record(db, kind, client=client, now=now, user_id=user_id, actor_id=user_id)
    db.commit()


def confirm(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> None:
    """Make the new address the account's; commits. Links sent to the old one open nothing any more.

    Raises InvalidLink, and AddressTaken if another account has taken the address meanwhile."""
    spent = one_time_tokens.spend(db, token, Purpose.CHANGE_EMAIL, now=now)
    user = db.get_one(User, spent.user_id)
    old_address = user.email
    _set_address(db, user, str(spent.email), now=now)
    outbox.enqueue(db, MailKind.ADDRESS_CHANGED, user_id=user.id, now=now, address=old_address, new_address=user.email)
    audit.record(db, audit.Kind.EMAIL_CHANGED, client=client, now=now, user_id=user.id, actor_id=user.id)
    db.commit()


def undo(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> str:
    """Give the account its old address back and end all its sessions: whoever changed it may be in; commits.

    Return a token that resets the password. Raises InvalidLink, and AddressTaken."""
    spent = one_time_tokens.spend(db, token, Purpose.UNDO_EMAIL_CHANGE, now=now)
    user = db.get_one(User, spent.user_id)
    _set_address(db, user, str(spent.email), now=now)
    user.devices_forgotten_at = now
    # Mails about later changes went to addresses that were never the owner's: their links take nothing back.
    one_time_tokens.cancel(db, Purpose.UNDO_EMAIL_CHANGE, user_id=user.id, issued_after=spent.id, now=now)
    reason = EndReason.EMAIL_CHANGE_UNDONE
    revocation.end_all_of(db, user_id=user.id, reason=reason, client=client, now=now)
    audit.record(db, audit.Kind.EMAIL_CHANGE_UNDONE, client=client, now=now, user_id=user.id, actor_id=user.id)
    reset_token = one_time_tokens.issue(db, Purpose.RESET_PASSWORD, user_id=user.id, email=user.email, now=now)
    db.commit()
    return reset_token


def _set_address(db: DbSession, user: User, address: str, *, now: datetime) -> None:
    """Change the row; the caller commits. Raises AddressTaken: the unique key decides, whoever else is at it."""
    try:
        db.execute(
            update(User)
            .where(User.id == user.id)
            .values(email=address, email_key=email_key(address), email_verified=True)
            .execution_options(synchronize_session=False)
        )
    except IntegrityError:
        db.rollback()
        raise AddressTaken from None
    db.refresh(user)
    purposes = (Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD, Purpose.CHANGE_EMAIL)
    one_time_tokens.cancel(db, *purposes, user_id=user.id, now=now)
