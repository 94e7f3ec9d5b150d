"""The outbox: mails that are still to be sent, written in the same transaction as what they tell of.

A row says what a mail is about and never holds its text or a link: one-time tokens are made when it is sent, so that
none lies about in the database. Senders of several workers and hosts claim rows one by one; see postman.py."""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, event, exists, func, or_, select, update
from sqlalchemy.orm import Session

from webapp import audit
from webapp.database import PURGE_BATCH, DbSession, delete_in_batches
from webapp.models import OutboxMail, User

# How long a claim holds: longer than any sending takes. A sender that was killed meanwhile has its mail sent again.
LEASE: Final = timedelta(minutes=5)
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=15)
MOST_ATTEMPTS: Final = 294  # three days of pauses

KEPT: Final = timedelta(days=30)  # after it was given up

WAS_GIVEN_UP: Final = OutboxMail.failed_at.is_not(None)
# While somebody sends a mail it has no error: see claim.
HAS_FAILED: Final = or_(WAS_GIVEN_UP, OutboxMail.last_error != "")

mail_waits: Final = threading.Event()  # set when this process has committed a new mail


class MailKind(StrEnum):
    """What a mail tells; each has a template of this name in templates/mail."""

    CONFIRM_ADDRESS = "confirm_address"
    ALREADY_REGISTERED = "already_registered"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a mail
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a mail
    CONFIRM_NEW_ADDRESS = "confirm_new_address"
    ADDRESS_CHANGE_ASKED = "address_change_asked"
    ADDRESS_CHANGED = "address_changed"
    ADDRESS_IN_USE = "address_in_use"
    NEW_DEVICE = "new_device"
    TOKEN_REUSED = "token_reused"  # noqa: S105 - the name of a mail
    NEW_DEVICES_LOCKED = "new_devices_locked"
    CODES_TRIED = "codes_tried"
    SECOND_FACTOR_ADDED = "second_factor_added"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    ACCOUNT_DELETED = "account_deleted"


# What opens something for the address that the user has when it is sent.
_WITH_LINK_OF_ADDRESS: Final = {MailKind.CONFIRM_ADDRESS, MailKind.RESET_PASSWORD, MailKind.NEW_DEVICES_LOCKED}


def enqueue(
    db: DbSession, kind: MailKind, *, user_id: int | None, now: datetime, dated: datetime | None = None, **detail: Any
) -> None:
    """Add one mail to the transaction at hand; the caller commits. `detail` must hold no secret.

    It tells of what happens `now`, or of what is `dated` otherwise.

    Without `user_id` and without an `address` in the detail the row is a decoy: it costs what a mail costs and is
    dropped by the sender, so that who asks cannot tell by the time whether an address has an account."""
    db.add(OutboxMail(kind=kind, user_id=user_id, detail=detail, created_at=dated or now, next_attempt_at=now))
    db.info["has_new_mail"] = True


def withdraw(db: DbSession, kind: MailKind, *, user_id: int, after: datetime | None = None) -> None:
    """Forget what has not been sent yet of a kind to a user, or of that what tells of something after an instant; the
    caller commits."""
    which = [OutboxMail.kind == kind, OutboxMail.user_id == user_id]
    if after is not None:
        which.append(OutboxMail.created_at > after)
    db.execute(delete(OutboxMail).where(*which))


def keep_address(db: DbSession, address: str, *, user_id: int) -> None:
    """Let what waits to tell a user of something go to the `address` that they have until now; the caller commits.

    Or whoever changes the address would be told in the owner's place what they did shortly before."""
    waiting = select(OutboxMail.id, OutboxMail.detail).where(
        OutboxMail.user_id == user_id, OutboxMail.kind.not_in(_WITH_LINK_OF_ADDRESS)
    )
    for mail_id, detail in db.execute(waiting).all():
        kept = {"address": address} | detail
        db.execute(update(OutboxMail).where(OutboxMail.id == mail_id).values(detail=kept))


def detail_of(db: DbSession, mail: OutboxMail) -> dict[str, Any] | None:
    """Return what a claimed mail is about by now, or None if it has been forgotten since."""
    return db.scalar(select(OutboxMail.detail).where(OutboxMail.id == mail.id))


@event.listens_for(Session, "after_commit")
def _wake_sender(session: Session) -> None:
    if session.info.pop("has_new_mail", False):
        mail_waits.set()


# --- the sender's side -----------------------------------------------------------------------------------


def claim(db: DbSession, *, now: datetime) -> OutboxMail | None:
    """Return one mail that is due, taken for LEASE and detached, or None; commits. No other sender has it meanwhile.

    Its error is forgotten until there is another one: by that the row tells apart who is being sent and who waits.

    Kinds that a newer release has enqueued beside this one, or before it was taken back, wait for that."""
    due = (
        select(OutboxMail.id, OutboxMail.next_attempt_at)
        .where(OutboxMail.failed_at.is_(None), OutboxMail.next_attempt_at <= now, OutboxMail.kind.in_(MailKind))
        .order_by(OutboxMail.next_attempt_at, OutboxMail.id)
        .limit(20)
    )
    for mail_id, seen_at in db.execute(due).all():
        # Conditional: of many senders that saw the row, one moves it on.
        taken = db.scalar(
            update(OutboxMail)
            .where(OutboxMail.id == mail_id, OutboxMail.next_attempt_at == seen_at, OutboxMail.failed_at.is_(None))
            .values(next_attempt_at=now + LEASE, attempts=OutboxMail.attempts + 1, last_error="")
            .returning(OutboxMail)
            .execution_options(synchronize_session=False, populate_existing=True)
        )
        if taken is not None:
            db.expunge(taken)  # what was read stays readable, even if another sender removes the row after the lease
        db.commit()
        if taken is not None:
            return taken
    return None


def remove(db: DbSession, mail: OutboxMail) -> None:
    """Forget a mail that was sent, or that has nobody to go to any more; commits."""
    db.execute(delete(OutboxMail).where(OutboxMail.id == mail.id))
    db.commit()


def postpone(db: DbSession, mail: OutboxMail, *, error: str, is_final: bool, now: datetime) -> None:
    """Keep a mail that could not be sent for later, twice as late each time, or for an operator if final; commits."""
    pause = min(FIRST_PAUSE * 2 ** min(mail.attempts - 1, 10), LONGEST_PAUSE)
    gives_up = is_final or mail.attempts >= MOST_ATTEMPTS
    db.execute(
        update(OutboxMail)
        .where(OutboxMail.id == mail.id, OutboxMail.next_attempt_at == mail.next_attempt_at)  # the claim still holds
        .values(next_attempt_at=now + pause, last_error=error[:200], failed_at=now if gives_up else None)
    )
    db.commit()


# --- the operator's side ---------------------------------------------------------------------------------


def retry_failed(db: DbSession, *, lifetimes: Mapping[MailKind, timedelta], now: datetime) -> tuple[int, int]:
    """Make every mail that was given up or waits for its next attempt due at once; commits. Return how many, and how
    many were given up that stay so: they are older than their links live (`lifetimes`), and a new link would put an end
    to one that their users have asked for since.

    Those that somebody is sending are left to them, or they would go twice."""
    too_old = [and_(OutboxMail.kind == kind, OutboxMail.created_at <= now - life) for kind, life in lifetimes.items()]
    retried = db.scalars(
        update(OutboxMail)
        .where(HAS_FAILED, or_(~WAS_GIVEN_UP, ~or_(*too_old)))
        .values(failed_at=None, next_attempt_at=now, attempts=0)
        .returning(OutboxMail.id)
        .execution_options(synchronize_session=False)
    ).all()
    left = db.scalar(select(func.count()).select_from(OutboxMail).where(WAS_GIVEN_UP)) or 0
    db.commit()
    return len(retried), left


def discard(db: DbSession, *which: ColumnElement[bool], client: audit.Client, now: datetime) -> int:
    """Forget the mails that meet the conditions, and write down of each that nobody gets it; commits every now and
    then. Return how many."""
    total = 0
    while some := db.scalars(select(OutboxMail.id).where(*which).order_by(OutboxMail.id).limit(PURGE_BATCH)).all():
        gone = delete(OutboxMail).where(OutboxMail.id.in_(some), *which)
        discarded = db.execute(gone.returning(OutboxMail.user_id, OutboxMail.kind)).all()
        for user_id, kind in discarded:
            audit.record(db, audit.Kind.MAIL_DISCARDED, client=client, now=now, user_id=user_id, mail=kind)
        db.commit()
        total += len(discarded)
    return total


def purge(db: DbSession, *, now: datetime) -> int:
    """Delete the mails that were given up long ago, and those whose user is gone; commits. Return how many.

    A farewell has no user but the address that it goes to, and is kept as long as any."""
    is_orphan = and_(OutboxMail.user_id.is_not(None), ~exists().where(User.id == OutboxMail.user_id))
    return delete_in_batches(db, OutboxMail.id, or_(OutboxMail.failed_at <= now - KEPT, is_orphan))
