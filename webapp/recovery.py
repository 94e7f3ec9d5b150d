"""Getting an account back by a link to its address: the forgotten password."""

from datetime import datetime

from sqlalchemy import select, update

from webapp import accounts, audit, one_time_tokens, outbox, passkeys, passwords, throttle
from webapp.addresses import account_key, email_key, unknown_key
from webapp.config import Settings
from webapp.database import DbSession
from webapp.models import Passkey, User
from webapp.one_time_tokens import Purpose
from webapp.outbox import MailKind


def forgot(db: DbSession, *, email: str, client: audit.Client, now: datetime) -> None:
    """Mail a link to the owner of an address, up to five times a day and then once an hour; commits. An unknown address
    costs the same."""
    key = email_key(email)
    user_id = db.scalar(select(User.id).where(User.email_key == key, User.is_active))
    counted_as = unknown_key(key) if user_id is None else account_key(key)
    kind = audit.Kind.RESET_REQUESTED
    # Once the link of the last mail is too old there is another, or strangers who ask would keep the owner out all day.
    pause = one_time_tokens.LIFETIMES[Purpose.RESET_PASSWORD]
    is_spent = throttle.mails_are_spent(db, kind, account_key=counted_as, pause=pause, now=now)
    # Only what is sent counts, or whoever keeps asking keeps the owner from ever having a link.
    audit.record(db, kind, client=client, now=now, user_id=user_id, account_key=None if is_spent else counted_as)
    outbox.enqueue(db, MailKind.RESET_PASSWORD, user_id=None if is_spent else user_id, now=now)
    db.commit()


def reset(
    db: DbSession,
    settings: Settings,
    *,
    token: str,
    password: str,
    remove_passkeys: bool,
    client: audit.Client,
    now: datetime,
) -> None:
    """Set a new password by the link of a mail; every session ends, devices are forgotten, a second factor that
    was only begun too, passkeys go if so wished; commits.

    Nobody is signed in by it, and a second factor is asked for as before. Who reads the address's mail has confirmed
    it. Raises InvalidLink, and InvalidFields for the password, which leaves the link as it is."""
    user = one_time_tokens.owner(db, one_time_tokens.look(db, token, Purpose.RESET_PASSWORD, now=now))
    own_words = (user.email, user.first_name, user.last_name)
    user_id = user.id
    db.rollback()
    passwords.check_policy(password, minimum=settings.password_min_length, own_words=own_words)
    password_hash = passwords.hash_password(password)
    spent = one_time_tokens.spend(db, token, Purpose.RESET_PASSWORD, now=now)
    accounts.set_password(db, user_id=user_id, password_hash=password_hash, keep_sid=None, client=client, now=now)
    one_time_tokens.cancel(db, Purpose.VERIFY_EMAIL, user_id=user_id, now=now)
    if remove_passkeys:
        passkeys.remove_all(db, user_id=user_id, actor_id=user_id, client=client, now=now)
    _verify(db, user_id, email=str(spent.email), client=client, now=now)
    db.commit()


def _verify(db: DbSession, user_id: int, *, email: str, client: audit.Client, now: datetime) -> None:
    """Note that the user's address is proved, if it was not yet; the caller commits."""
    newly_verified = db.scalar(
        update(User)
        .where(User.id == user_id, User.email == email, ~User.email_verified)
        .values(email_verified=True)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    if newly_verified is not None:
        audit.record(db, audit.Kind.EMAIL_VERIFIED, client=client, now=now, user_id=user_id, actor_id=user_id)


def owner_of_reset(db: DbSession, *, token: str, now: datetime) -> tuple[str, list[Passkey]]:
    """Return the address whose password a link resets and the passkeys that sign in besides, for the page that asks for
    the password. Raises InvalidLink."""
    user = one_time_tokens.owner(db, one_time_tokens.look(db, token, Purpose.RESET_PASSWORD, now=now))
    return user.email, passkeys.list_passkeys(db, user_id=user.id)
