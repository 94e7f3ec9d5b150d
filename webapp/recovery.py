"""Getting an account back: the forgotten password, and the sign-in that was somebody else's."""

from datetime import datetime

from sqlalchemy import select, update

from webapp import accounts, audit, one_time_tokens, outbox, passwords, revocation, throttle
from webapp.addresses import account_key, email_key
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import InvalidLink
from webapp.models import AuthSession, OneTimeToken, User
from webapp.one_time_tokens import Purpose
from webapp.outbox import MailKind
from webapp.revocation import EndReason


def forgot(db: DbSession, *, email: str, client: audit.Client, now: datetime) -> None:
    """Mail a link to the owner of an address, up to five times a day; commits. An unknown address costs the same."""
    key = email_key(email)
    user_id = db.scalar(select(User.id).where(User.email_key == key, User.is_active))
    counted_as = account_key(key)
    is_spent = throttle.mails_are_spent(db, audit.Kind.RESET_REQUESTED, account_key=counted_as, now=now)
    kind = audit.Kind.RESET_REQUESTED
    # Only what is sent counts, or whoever keeps asking keeps the owner from ever having a link.
    audit.record(db, kind, client=client, now=now, user_id=user_id, account_key=None if is_spent else counted_as)
    outbox.enqueue(db, MailKind.RESET_PASSWORD, user_id=None if is_spent else user_id, now=now)
    db.commit()


def reset(db: DbSession, settings: Settings, *, token: str, password: str, client: audit.Client, now: datetime) -> None:
    """Set a new password by the link of a mail; every session ends, devices are forgotten; commits.

    Nobody is signed in by it, and a second factor is asked for as before. Who reads the address's mail has confirmed
    it. Raises InvalidLink, and InvalidFields for the password, which leaves the link as it is."""
    user = _owner(db, one_time_tokens.look(db, token, Purpose.RESET_PASSWORD, now=now))
    own_words = (user.email, user.first_name, user.last_name)
    user_id = user.id
    db.rollback()
    passwords.check_policy(password, minimum=settings.password_min_length, own_words=own_words)
    password_hash = passwords.hash_password(password)
    spent = one_time_tokens.spend(db, token, Purpose.RESET_PASSWORD, now=now)
    accounts.set_password(db, user_id=user_id, password_hash=password_hash, keep_sid=None, client=client, now=now)
    one_time_tokens.cancel(db, Purpose.VERIFY_EMAIL, Purpose.CHANGE_EMAIL, user_id=user_id, now=now)
    db.execute(
        update(User)
        .where(User.id == user_id, User.email == spent.email)
        .values(email_verified=True, devices_forgotten_at=now)
        .execution_options(synchronize_session=False)
    )
    db.commit()


def owner_of_reset(db: DbSession, *, token: str, now: datetime) -> str:
    """Return the address whose password a link resets, for the page that asks for it. Raises InvalidLink."""
    return _owner(db, one_time_tokens.look(db, token, Purpose.RESET_PASSWORD, now=now)).email


def disown(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> str:
    """End the session that a mail about a new device tells of; commits. Return a token that resets the password.

    Raises InvalidLink."""
    spent = one_time_tokens.spend(db, token, Purpose.DISOWN_SIGN_IN, now=now)
    user = _owner(db, spent)
    which = (AuthSession.id == spent.session_id, AuthSession.user_id == user.id)
    who = {"actor_id": user.id, "client": client, "now": now}
    revocation.end_sessions(db, *which, reason=EndReason.DISOWNED, **who)  # type: ignore[arg-type]
    kind = audit.Kind.SIGN_IN_DISOWNED
    audit.record(db, kind, user_id=user.id, session_id=spent.session_id, **who)  # type: ignore[arg-type]
    user.devices_forgotten_at = now
    one_time_tokens.cancel(db, Purpose.RESET_PASSWORD, user_id=user.id, now=now)
    reset_token = one_time_tokens.issue(db, Purpose.RESET_PASSWORD, user_id=user.id, email=user.email, now=now)
    db.commit()
    return reset_token


def _owner(db: DbSession, row: OneTimeToken) -> User:
    """Return the user of a token that was sent to the address they still have. Raises InvalidLink."""
    user = db.scalar(select(User).where(User.id == row.user_id, User.is_active))
    if user is None or (row.email is not None and row.email != user.email):
        raise InvalidLink
    return user
