"""Proving who is there: the password, and the second factor."""

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Boolean, bindparam, case, update

from webapp import audit, claimed_accounts, mfa, outbox, passwords, throttle
from webapp.claimed_accounts import ClaimedAccount
from webapp.config import Settings
from webapp.database import DbSession, lock_rows, table_of
from webapp.errors import InvalidCredentials, MfaRequired
from webapp.known_devices import KnownDevice
from webapp.models import User

_users: Final = table_of(User)
_let_in: Final = (
    update(_users)
    .where(_users.c.id == bindparam("user_id"), _users.c.password_hash == bindparam("compared"), _users.c.is_active)
    .values(
        password_hash=bindparam("renewed"),
        failed_sign_ins=case((bindparam("is_known", type_=Boolean), _users.c.failed_sign_ins), else_=0),
    )
    .returning(_users.c.id, _users.c.totp_enabled_at, _users.c.password_hash)
)


class Authenticated(NamedTuple):
    """Whose password it was, and whether a code of the second factor has to follow."""

    user_id: int
    needs_code: bool
    password_hash: str  # as it is stored now


def authenticate(
    db: DbSession,
    settings: Settings,
    *,
    email: str,
    password: str,
    code: str | None,
    device: KnownDevice,
    client: audit.Client,
    now: datetime,
) -> int:
    """Return the id of the user who has shown password and, where one is set up, second factor in one step.

    Raises what `check_password` raises, MfaRequired if a code is needed, and what `mfa.check_code` raises."""
    found = check_password(db, settings, email=email, password=password, device=device, client=client, now=now)
    if found.needs_code and not code:
        mfa.note_asked(db, user_id=found.user_id, client=client, now=now)
        # Committed here: the refusal must not undo what tells of it.
        db.commit()
        raise MfaRequired
    if found.needs_code and code:
        mfa.check_code(db, settings, user_id=found.user_id, code=code, device=device, client=client, now=now)
        if not has_still(db, user_id=found.user_id, password_hash=found.password_hash):
            # Comparing a recovery code takes long and lets the row go: what is stored now decides.
            db.rollback()
            who = {"email": email, "password": password, "code": code, "device": device, "client": client, "now": now}
            return authenticate(db, settings, **who)  # type: ignore[arg-type]
    return found.user_id


def check_password(
    db: DbSession,
    settings: Settings,
    *,
    email: str,
    password: str,
    device: KnownDevice,
    client: audit.Client,
    now: datetime,
) -> Authenticated:
    """Return the user whose address and password these are; the caller opens the session and commits.

    Raises InvalidCredentials, alike in work and in words whether or not there is such a user, TooManyAttempts (with
    seconds to wait) after ten failures for one address within five minutes, known or not, and TooBusy. Failures of
    strangers within that time do not count for a device that the account knows or has known. After a hundred failures
    in a row the right password lets no device in that it does not know; the owner is mailed a link."""
    passwords.require_room()
    db.rollback()  # a caller's connection: who holds one while it waits for another can make all wait for each other
    account = claimed_accounts.find(email, device, now=now)
    _check_failures(db, settings, account, now=now)
    db.rollback()  # hands the connection back: hashing takes longer than all that needs one
    is_right = passwords.verify_password(account.password_hash, password)
    renewed = account.password_hash
    if is_right and renewed and passwords.needs_rehash(renewed):
        renewed = passwords.hash_password(password)
    is_open = account.is_known or not settings.ratelimit_enabled or account.failures < throttle.FAILURES_IN_A_ROW
    is_refused = not is_right or not account.is_active or not is_open
    found = None
    if is_refused:
        lock_rows(db, User.is_active, User.email_key == account.key)
    else:
        found = _admit(db, account, renewed)
    # Counted again with the row locked: of many guesses at once, each counts those that were faster.
    _check_failures(db, settings, account, now=now)
    if is_refused:
        _note_failure(db, settings, account, client=client, now=now)
        raise InvalidCredentials
    if found is None:
        # Changed, or only hashed anew, while this one waited for its hash: what is stored now decides.
        db.rollback()
        return check_password(db, settings, email=email, password=password, device=device, client=client, now=now)
    return found


def _check_failures(db: DbSession, settings: Settings, account: ClaimedAccount, *, now: datetime) -> None:
    # Another host's clock may be ahead: what has not come yet forgives nothing.
    since = account.forgiven_at if account.forgiven_at and account.forgiven_at <= now else None
    check_throttle(db, settings, audit.Kind.SIGN_IN_FAILED, account.counted_as, since=since, now=now)


def has_still(db: DbSession, *, user_id: int, password_hash: str) -> bool:
    """Whether the user may sign in and has the password that was verified; locks the row, so that it stays so until the
    caller's commit."""
    which = (User.id == user_id, User.password_hash == password_hash, User.is_active.is_(True))
    return bool(lock_rows(db, User.is_active, *which))


def check_throttle(
    db: DbSession,
    settings: Settings,
    kind: audit.Kind,
    counted_as: str | None,
    *,
    since: datetime | None = None,
    now: datetime,
) -> None:
    if settings.ratelimit_enabled:
        throttle.check(db, kind, throttle.PASSWORD_RULES, account_key=counted_as, since=since, now=now)


def _admit(db: DbSession, account: ClaimedAccount, password_hash: str | None) -> Authenticated | None:
    """Return whose account it is, with the row locked until the caller's commit, or None if it has another hash now.

    A second factor that was turned on meanwhile counts."""
    values = {
        "user_id": account.user_id,
        "compared": account.password_hash,
        "renewed": password_hash,
        "is_known": account.is_known,
    }
    found = db.execute(_let_in, values).first()
    return Authenticated(found.id, found.totp_enabled_at is not None, found.password_hash) if found else None


def _note_failure(
    db: DbSession, settings: Settings, account: ClaimedAccount, *, client: audit.Client, now: datetime
) -> None:
    """Write a failed sign-in down and count it; commits. The work is the same whether or not there is such a user."""
    kind = audit.Kind.SIGN_IN_FAILED
    audit.record(db, kind, client=client, now=now, user_id=account.user_id, account_key=account.counted_as)
    failures = db.scalar(
        update(User)
        .where(User.email_key == account.key)
        .values(failed_sign_ins=User.failed_sign_ins + (0 if account.is_known else 1))
        .returning(User.failed_sign_ins)
        .execution_options(synchronize_session=False)
    )
    is_locked = settings.ratelimit_enabled and failures == throttle.FAILURES_IN_A_ROW
    if is_locked and not account.is_known:
        outbox.enqueue(db, outbox.MailKind.NEW_DEVICES_LOCKED, user_id=account.user_id, now=now)
    # Committed here: the refusal must not undo the count of failures.
    db.commit()
