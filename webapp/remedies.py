"""What the link of a mail takes back when it was somebody else: a sign-in, a change of address, and what came since.

Each leads to a new password, which ends all sessions; until it is set, no password opens the account."""

from datetime import datetime
from typing import NamedTuple

from webapp import (
    audit,
    email_change,
    mfa_setup,
    one_time_tokens,
    outbox,
    passkeys,
    passwords,
    recovery_codes,
    revocation,
)
from webapp.database import DbSession
from webapp.errors import InvalidLink
from webapp.models import AuthSession, User
from webapp.one_time_tokens import LIFETIMES, Purpose
from webapp.outbox import MailKind
from webapp.revocation import EndReason


class Remedied(NamedTuple):
    """A token that resets the password, and what was taken away from the account, in words that name nothing of it: a
    page keeps them in a cookie that is not encrypted."""

    reset_token: str
    taken_away: list[str]


def disown(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> Remedied:
    """End the session that a mail tells of, and take away what came since by which one
    signs in: second factor, recovery codes, passkeys; commits.

    A change of address that waits for its link comes to nothing. Raises InvalidLink."""
    spent = one_time_tokens.spend(db, token, Purpose.DISOWN_SIGN_IN, now=now)
    user = one_time_tokens.owner(db, spent)
    which = (AuthSession.id == spent.session_id, AuthSession.user_id == user.id)
    who = {"actor_id": user.id, "client": client, "now": now}
    revocation.end_sessions(db, *which, reason=EndReason.DISOWNED, **who)  # type: ignore[arg-type]
    email_change.cancel(db, user_id=user.id, now=now)
    kind = audit.Kind.SIGN_IN_DISOWNED
    audit.record(db, kind, user_id=user.id, session_id=spent.session_id, **who)  # type: ignore[arg-type]
    return _secure(db, user, since=spent.since, client=client, now=now)


def undo_email_change(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> Remedied:
    """Give the account its old address back and end all its sessions: whoever changed it may be in; commits.

    What was added since the change was asked for goes too. Raises InvalidLink, and AddressTaken."""
    spent = one_time_tokens.spend(db, token, Purpose.UNDO_EMAIL_CHANGE, now=now)
    user = db.get_one(User, spent.user_id)
    if not user.is_active:
        raise InvalidLink
    email_change.set_address(db, user, str(spent.email), client=client, now=now)
    # Mails about later changes go to addresses that were never the owner's: their links take nothing back, and none is
    # sent any more. Which are later says when the changes were (email_change.py): mails overtake each other.
    one_time_tokens.cancel(db, Purpose.UNDO_EMAIL_CHANGE, user_id=user.id, after=spent.since, now=now)
    outbox.withdraw(db, MailKind.ADDRESS_CHANGED, user_id=user.id, after=spent.since)
    reason = EndReason.EMAIL_CHANGE_UNDONE
    revocation.end_all_of(db, user_id=user.id, actor_id=user.id, reason=reason, client=client, now=now)
    audit.record(db, audit.Kind.EMAIL_CHANGE_UNDONE, client=client, now=now, user_id=user.id, actor_id=user.id)
    asked_at = spent.since - LIFETIMES[Purpose.CHANGE_EMAIL] if spent.since else None  # at the earliest
    return _secure(db, user, since=asked_at, client=client, now=now)


def _secure(db: DbSession, user: User, *, since: datetime | None, client: audit.Client, now: datetime) -> Remedied:
    """Leave nothing by which somebody gets in again: neither what came since nor the password, since with it they would
    make the link to a new one useless by signing in; commits."""
    added = {"user_id": user.id, "actor_id": user.id, "since": since, "client": client, "now": now}
    taken_away = ["two-step sign-in"] if mfa_setup.take_away(db, **added) else []  # type: ignore[arg-type]
    taken_away += ["the recovery codes"] if recovery_codes.take_away(db, **added) else []  # type: ignore[arg-type]
    if count := len(passkeys.remove_all(db, **added)):  # type: ignore[arg-type]
        taken_away.append("a passkey" if count == 1 else f"{count} passkeys")
    user.password_hash = passwords.NO_PASSWORD
    user.devices_forgotten_at = now
    one_time_tokens.cancel(db, Purpose.RESET_PASSWORD, user_id=user.id, now=now)
    reset_token = one_time_tokens.issue(db, Purpose.RESET_PASSWORD, user_id=user.id, email=user.email, now=now)
    db.commit()
    return Remedied(reset_token, taken_away)
