"""Accounts: creating, finding, editing, protecting them; deleting one: account_deletion.py."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from webapp import (
    audit,
    email_change,
    mfa_setup,
    one_time_tokens,
    outbox,
    passwords,
    reauthentication,
    revocation,
    session_state,
)
from webapp.addresses import canonical_address, email_key
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import AddressTaken, InvalidFields
from webapp.models import NAME_LENGTH, AuthSession, User
from webapp.one_time_tokens import Purpose
from webapp.outbox import MailKind
from webapp.revocation import EndReason
from webapp.text import is_one_line

# No request takes as long: what is later than this one by more was dated by a clock that was wrong.
_LONGEST_REQUEST: Final = timedelta(minutes=5)


def create_user(
    db: DbSession,
    *,
    email: str,
    password: str,
    password_min_length: int,
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
    passwords.check_length(password, minimum=password_min_length)
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


def rename(
    db: DbSession,
    *,
    user_id: int,
    sid: str,
    first_name: str | None = None,
    last_name: str | None = None,
    client: audit.Client,
    now: datetime,
) -> User:
    """Change the names that are not None; commits. Return the user, detached. Raises SessionEnded if the session `sid`
    was ended meanwhile, by the deletion of the account perhaps."""
    session_state.lock_own(db, user_id=user_id, sid=sid)
    names = {"first_name": first_name, "last_name": last_name}
    user = session_state.user_of_session(db, user_id)
    for name, value in names.items():
        if value is not None:
            setattr(user, name, value)
    db.flush()
    audit.record(db, audit.Kind.PROFILE_CHANGED, client=client, now=now, user_id=user_id, actor_id=user_id)
    db.expunge(user)  # what was read stays readable, even if another request deletes the row
    db.commit()
    return user


def change_password(
    db: DbSession,
    settings: Settings,
    *,
    user_id: int,
    sid: str,
    current_password: str,
    new_password: str,
    client: audit.Client,
    now: datetime,
) -> datetime:
    """Set a new password; every other session ends, devices are forgotten, and links to reset the old one; commits.

    Return when devices were forgotten, for the browser that stays known. Raises InvalidFields for `current_password` or
    `new_password`, TooManyAttempts, and SessionEnded if the session `sid` was ended meanwhile."""
    proof = {"user_id": user_id, "sid": sid, "password": current_password, "field": "current_password"}
    stored = reauthentication.confirm_password(db, settings, **proof, client=client, now=now)  # type: ignore[arg-type]
    user = session_state.user_of_session(db, user_id)
    own_words = (user.email, user.first_name, user.last_name)
    passwords.check_policy(
        new_password, minimum=settings.password_min_length, own_words=own_words, field="new_password"
    )
    db.rollback()
    password_hash = passwords.hash_password(new_password)
    reauthentication.hold(db, user_id=user_id, sid=sid, stored=stored, field="current_password")
    forgotten_at = set_password(db, user_id=user_id, password_hash=password_hash, keep_sid=sid, client=client, now=now)
    db.commit()
    return forgotten_at


def set_password(
    db: DbSession, *, user_id: int, password_hash: str, keep_sid: str | None, client: audit.Client, now: datetime
) -> datetime:
    """Store a new password, end all sessions but one to keep, forget all devices, and tell the owner; the caller
    commits.

    A change of address that waits for its link comes to nothing, as does a second factor that was only begun. Return
    when devices were forgotten."""
    is_reset = keep_sid is None
    db.execute(
        update(User)
        .where(User.id == user_id)
        .values(password_hash=password_hash, failed_sign_ins=0)
        .execution_options(synchronize_session=False)
    )
    one_time_tokens.cancel(db, Purpose.RESET_PASSWORD, Purpose.SECOND_FACTOR, user_id=user_id, now=now)
    # Whoever knew the old password may have asked for the one, and know the secret of the other.
    email_change.cancel(db, user_id=user_id, now=now)
    mfa_setup.abandon(db, user_id=user_id)
    reason = EndReason.PASSWORD_RESET if is_reset else EndReason.PASSWORD_CHANGED
    revocation.end_all_of(db, user_id=user_id, actor_id=user_id, but=keep_sid, reason=reason, client=client, now=now)
    kind = audit.Kind.PASSWORD_RESET if is_reset else audit.Kind.PASSWORD_CHANGED
    audit.record(db, kind, client=client, now=now, user_id=user_id, actor_id=user_id)
    outbox.enqueue(db, MailKind.PASSWORD_CHANGED, user_id=user_id, now=now)
    return _forget_devices(db, user_id=user_id, now=now)


def _forget_devices(db: DbSession, *, user_id: int, now: datetime) -> datetime:
    """Make every device new to the user's account, whose row is locked: whoever knew the old password may have had
    cookies made, each of which could guess at the new one. Return the instant from before which none counts."""
    # Who signed in with the old password while the new one waited for its hash has a cookie from after `now`.
    latest = db.scalar(
        select(func.max(AuthSession.created_at)).where(
            AuthSession.user_id == user_id, AuthSession.created_at.between(now, now + _LONGEST_REQUEST)
        )
    )
    forgotten_at = latest or now
    db.execute(
        update(User)
        .where(User.id == user_id)
        .values(devices_forgotten_at=forgotten_at)
        .execution_options(synchronize_session=False)
    )
    return forgotten_at
