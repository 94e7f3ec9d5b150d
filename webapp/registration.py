"""Signing up, and confirming the address. Who asks is never told whether an address has an account already: status,
body and work are the same, only the mail differs."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from webapp import audit, one_time_tokens, outbox, passwords, session_state, throttle
from webapp.addresses import account_key, canonical_address, email_key
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import InvalidAddress, InvalidFields, InvalidLink
from webapp.models import User
from webapp.one_time_tokens import LIFETIMES, Purpose
from webapp.outbox import MailKind

_MAILS = (audit.Kind.REGISTERED, audit.Kind.REGISTERED_AGAIN, audit.Kind.VERIFICATION_REQUESTED)


def register(
    db: DbSession,
    settings: Settings,
    *,
    email: str,
    password: str,
    first_name: str,
    last_name: str,
    client: audit.Client,
    now: datetime,
) -> None:
    """Create an account whose address is to be confirmed, or change nothing if there is one; mail either way; commits.

    Raises InvalidFields for `email` and `password`, before anything is looked up. Of many at once with one address, in
    whatever case, one makes the account."""
    try:
        address = canonical_address(email)
    except InvalidAddress as error:
        raise InvalidFields({"email": [error.detail]}) from None
    own_words = (address, first_name, last_name)
    passwords.check_policy(password, minimum=settings.password_min_length, own_words=own_words)
    key = email_key(address)
    db.rollback()  # hands a connection back, if the page's reader has one: hashing takes longer than all that needs it
    values = {
        "email": address,
        "email_key": key,
        "password_hash": passwords.hash_password(password),
        "first_name": first_name,
        "last_name": last_name,
        "email_verified": False,
        "is_admin": False,
        "is_active": True,
        "created_at": now,
    }
    is_new = _insert_unless_known(db, values)
    while (user := _find(db, key)) is None:
        # Who had the address has left, or moved to another one, between the two: it is free.
        is_new = _insert_unless_known(db, values)
    kind = audit.Kind.REGISTERED if is_new else audit.Kind.REGISTERED_AGAIN
    _note_and_mail(db, user, kind, counted_as=account_key(key), client=client, now=now)
    db.commit()


class _Account(NamedTuple):
    """What is to be known of the account that has an address."""

    id: int
    email_verified: bool
    is_active: bool


def _find(db: DbSession, key: str) -> _Account | None:
    found = db.execute(select(User.id, User.email_verified, User.is_active).where(User.email_key == key)).first()
    return _Account(*found) if found else None


def _note_and_mail(
    db: DbSession, user: _Account, kind: audit.Kind, *, counted_as: str, client: audit.Client, now: datetime
) -> None:
    is_spent = _mails_are_spent(db, counted_as, now=now)
    # Only what is sent counts, or whoever keeps asking keeps the owner from ever having a link.
    audit.record(db, kind, client=client, now=now, user_id=user.id, account_key=None if is_spent else counted_as)
    mail = MailKind.ALREADY_REGISTERED if user.email_verified else MailKind.CONFIRM_ADDRESS
    recipient = user.id if user.is_active and not is_spent else None
    outbox.enqueue(db, mail, user_id=recipient, now=now)


def _mails_are_spent(db: DbSession, counted_as: str, *, now: datetime) -> bool:
    # Once the link of the last mail is too old there is another, or strangers who ask would keep the owner out all day.
    pause = LIFETIMES[Purpose.VERIFY_EMAIL]
    return throttle.mails_are_spent(db, *_MAILS, account_key=counted_as, pause=pause, now=now)


def _insert_unless_known(db: DbSession, values: dict[str, object]) -> bool:
    """Insert a user, or nothing if the address has one: one statement, whatever others do at the same time."""
    insert = postgresql.insert if db.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(User).values(**values).on_conflict_do_nothing(index_elements=[User.email_key])
    return db.scalar(statement.returning(User.id)) is not None


def resend(db: DbSession, *, user_id: int, client: audit.Client, now: datetime) -> bool:
    """Mail the link that confirms the address once more, up to five times a day and then once an hour; commits. A
    confirmed one gets none. Return whether a mail goes out."""
    user = session_state.user_of_session(db, user_id)
    counted_as = account_key(user.email_key)
    is_sent = not user.email_verified and not _mails_are_spent(db, counted_as, now=now)
    if is_sent:
        kind = audit.Kind.VERIFICATION_REQUESTED
        audit.record(db, kind, client=client, now=now, user_id=user_id, actor_id=user_id, account_key=counted_as)
        outbox.enqueue(db, MailKind.CONFIRM_ADDRESS, user_id=user_id, now=now)
    db.commit()
    return is_sent


def verify(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> None:
    """Confirm the address that the link was sent to, if it still is the account's; the caller commits.

    Raises InvalidLink."""
    spent = one_time_tokens.spend(db, token, Purpose.VERIFY_EMAIL, now=now)
    verified = db.scalar(
        update(User)
        .where(User.id == spent.user_id, User.email == spent.email)
        .values(email_verified=True)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    if verified is None:
        raise InvalidLink
    kind = audit.Kind.EMAIL_VERIFIED
    audit.record(db, kind, client=client, now=now, user_id=spent.user_id, actor_id=spent.user_id)
