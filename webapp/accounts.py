"""Accounts: finding, authenticating, creating, editing users."""

import hashlib
import math
import unicodedata
from datetime import datetime, timedelta
from typing import Final

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from webapp import audit, passwords
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import AddressTaken, InvalidAddress, InvalidCredentials, InvalidFields, TooManyAttempts
from webapp.models import NAME_LENGTH, AuditEvent, User
from webapp.text import is_one_line

THROTTLE_FAILURES: Final = 10
THROTTLE_WINDOW: Final = timedelta(minutes=5)


# --- addresses -----------------------------------------------------------------------------------------


def canonical_address(text: str) -> str:
    """Return an e-mail address as it is kept: trimmed, NFC, domain in lower case. Raises InvalidAddress."""
    try:
        return validate_email(text.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise InvalidAddress(str(error)) from None


def email_key(text: str) -> str:
    """Return the form by which an address is looked up, in which case does not count; anything has one."""
    try:
        text = canonical_address(text)
    except InvalidAddress:
        text = unicodedata.normalize("NFC", text.strip())
    return text.casefold()


# --- signing in ----------------------------------------------------------------------------------------


def authenticate(
    db: DbSession, settings: Settings, *, email: str, password: str, client: audit.Client, now: datetime
) -> User:
    """Return the user whose address and password these are; the caller opens the session and commits.

    Raises InvalidCredentials, alike in work and in words whether or not there is such a user, and TooManyAttempts
    (with seconds to wait) after ten failures for one address, known or not, within five minutes."""
    key = email_key(email)
    account_key = hashlib.sha256(key.encode()).hexdigest()
    if settings.ratelimit_enabled:
        _check_throttle(db, account_key, now=now)
    user = db.scalar(select(User).where(User.email_key == key))
    is_right = passwords.verify_password(user.password_hash if user else None, password)
    if user is None or not is_right or not user.is_active:
        audit.record(
            db,
            audit.Kind.SIGN_IN_FAILED,
            client=client,
            now=now,
            user_id=user.id if user else None,
            account_key=account_key,
        )
        # Committed here: the refusal must not undo the count of failures.
        db.commit()
        raise InvalidCredentials
    _rehash_if_outdated(db, user, password)
    return user


def _check_throttle(db: DbSession, account_key: str, *, now: datetime) -> None:
    recent = db.scalars(
        select(AuditEvent.at)
        .where(
            AuditEvent.account_key == account_key,
            AuditEvent.kind == audit.Kind.SIGN_IN_FAILED,
            AuditEvent.at > now - THROTTLE_WINDOW,
        )
        .order_by(AuditEvent.at.desc())
        .limit(THROTTLE_FAILURES)
    ).all()
    if len(recent) == THROTTLE_FAILURES:
        wait = recent[-1] + THROTTLE_WINDOW - now
        raise TooManyAttempts(retry_after=math.ceil(wait.total_seconds()))


def _rehash_if_outdated(db: DbSession, user: User, password: str) -> None:
    if not passwords.needs_rehash(user.password_hash):
        return
    # Conditional: a password changed meanwhile must not come back.
    db.execute(
        update(User)
        .where(User.id == user.id, User.password_hash == user.password_hash)
        .values(password_hash=passwords.hash_password(password))
        .execution_options(synchronize_session=False)
    )


# --- creating, listing, editing ------------------------------------------------------------------------


def create_user(
    db: DbSession,
    settings: Settings,
    *,
    email: str,
    password: str,
    first_name: str = "",
    last_name: str = "",
    is_verified: bool = False,
    is_admin: bool = False,
    client: audit.Client,
    now: datetime,
) -> User:
    """Create a user as an operator does, whose passwords meet the length alone; commits.

    Raises InvalidAddress, InvalidFields for the password and the names, and AddressTaken."""
    address = canonical_address(email)
    for field, name in (("first_name", first_name), ("last_name", last_name)):
        if len(name) > NAME_LENGTH or not is_one_line(name):
            raise InvalidFields({field: [f"Use at most {NAME_LENGTH} characters, all of which can be seen."]})
    passwords.check_length(password, minimum=settings.password_min_length)
    user = User(
        email=address,
        email_key=email_key(address),
        password_hash=passwords.hash_password(password),
        first_name=first_name,
        last_name=last_name,
        email_verified=is_verified,
        is_admin=is_admin,
        is_active=True,
        created_at=now,
    )
    db.add(user)
    try:
        db.flush()
    except IntegrityError:
        db.rollback()
        raise AddressTaken from None
    audit.record(db, audit.Kind.USER_CREATED, client=client, now=now, user_id=user.id)
    db.commit()
    return user


def find_user(db: DbSession, email: str) -> User | None:
    """Return the user with that address, in whatever case it is written."""
    return db.scalar(select(User).where(User.email_key == email_key(email)))


def list_users(db: DbSession) -> list[User]:
    """Return all users, the oldest account first."""
    return list(db.scalars(select(User).order_by(User.id)))


def rename(
    db: DbSession,
    *,
    user_id: int,
    first_name: str | None,
    last_name: str | None,
    client: audit.Client,
    now: datetime,
) -> User:
    """Change the names that are not None; commits. Return the user."""
    names = {"first_name": first_name, "last_name": last_name}
    user = db.get_one(User, user_id)
    for name, value in names.items():
        if value is not None:
            setattr(user, name, value)
    audit.record(db, audit.Kind.PROFILE_CHANGED, client=client, now=now, user_id=user_id, actor_id=user_id)
    db.commit()
    return user
