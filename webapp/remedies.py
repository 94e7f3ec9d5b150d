"""What the link of a mail takes back when it was somebody else: a sign-in, a change of address, and what came since.

Each ends all sessions and leads to a new password; until it is set, no password opens the account."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from webapp import (
    audit,
    devices,
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
from webapp.devices import SignIn
from webapp.errors import InvalidLink, LinkOfOtherAddress
from webapp.models import AuditEvent, AuthSession, OneTimeToken, Passkey, RecoveryCode, User
from webapp.one_time_tokens import LIFETIMES, Purpose
from webapp.outbox import MailKind
from webapp.revocation import EndReason


class Disownable(NamedTuple):
    """A sign-in that a mail tells of, and whether there is nothing left to do about it."""

    sign_in: SignIn
    is_dealt_with: bool


class Remedied(NamedTuple):
    """Whose account it is, a token that resets the password, and what was taken away from the account, in words that
    name nothing of it: a page keeps them in a cookie that is not encrypted."""

    user_id: int
    reset_token: str
    taken_away: list[str]


# --- a sign-in -------------------------------------------------------------------------------------------


def look_at_sign_in(db: DbSession, *, token: str, now: datetime) -> Disownable:
    """Return which sign-in a link disowns, and leave it so. Raises InvalidLink."""
    row = one_time_tokens.look(db, token, Purpose.DISOWN_SIGN_IN, now=now)
    _owner_of_sign_in(db, row)
    return Disownable(devices.sign_in_of(db, row.session_id), _is_dealt_with(db, row, now=now))


def disown(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> Remedied | None:
    """End all sessions, and take away what came since the sign-in that a mail tells of by which one signs in: second
    factor, recovery codes, passkeys; commits. Return None, and change nothing, if that was dealt with already.

    A change of address that waits for its link comes to nothing. Raises InvalidLink."""
    spent = one_time_tokens.spend(db, token, Purpose.DISOWN_SIGN_IN, now=now)
    user = _owner_of_sign_in(db, spent)
    if _is_dealt_with(db, spent, now=now):
        db.rollback()
        return None
    email_change.cancel(db, user_id=user.id, now=now)
    who = {"user_id": user.id, "actor_id": user.id, "session_id": spent.session_id}
    audit.record(db, audit.Kind.SIGN_IN_DISOWNED, client=client, now=now, **who)  # type: ignore[arg-type]
    return _secure(db, user, since=spent.since, reason=EndReason.DISOWNED, client=client, now=now)


def _owner_of_sign_in(db: DbSession, row: OneTimeToken) -> User:
    user = db.get(User, row.user_id)
    if user is not None and user.is_active and row.email not in (None, user.email):
        raise LinkOfOtherAddress
    return one_time_tokens.owner(db, row)


def _is_dealt_with(db: DbSession, row: OneTimeToken, *, now: datetime) -> bool:
    """Whether a mailed link has set a new password since what the mail tells of, which ended that session, and nothing
    is left that was added before: then what came after is the owner's.

    A change of password does not count: whoever knew the old one may have made it."""
    if row.since is None:  # a link from before that was written down
        return False
    is_alive = select(AuthSession.id).where(
        AuthSession.id == row.session_id, AuthSession.revoked_at.is_(None), AuthSession.expires_at > now
    )
    of_user = AuditEvent.user_id == row.user_id
    resets = (of_user, AuditEvent.kind == audit.Kind.PASSWORD_RESET, AuditEvent.at >= row.since)
    reset_id = db.scalar(select(func.min(AuditEvent.id)).where(*resets))
    if reset_id is None or db.scalar(is_alive) is not None:
        return False
    # What is from before the first sign-in after it was added before it, though perhaps while it waited for its hash.
    later = (of_user, AuditEvent.kind == audit.Kind.SIGN_IN, AuditEvent.id > reset_id)
    first_in = db.scalar(select(func.min(AuditEvent.at)).where(*later))
    return not _has_ways_in(db, row, until=first_in)


def _has_ways_in(db: DbSession, row: OneTimeToken, *, until: datetime | None) -> bool:
    """Whether the user has some way to sign in but the password that is from the time since what a mail tells of."""
    for dated, owned in (
        (User.totp_enabled_at, User.id),
        (RecoveryCode.made_at, RecoveryCode.user_id),
        (Passkey.created_at, Passkey.user_id),
    ):
        which = [owned == row.user_id, dated >= row.since] + ([dated < until] if until else [])
        if db.scalar(select(owned).where(*which).limit(1)) is not None:
            return True
    return False


# --- a change of address ---------------------------------------------------------------------------------


def look_at_email_change(db: DbSession, *, token: str, now: datetime) -> str:
    """Return the address that a link gives an account back, and leave it so. Raises InvalidLink."""
    row = one_time_tokens.look(db, token, Purpose.UNDO_EMAIL_CHANGE, now=now)
    _owner_of_change(db, row)
    return str(row.email)


def undo_email_change(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> Remedied:
    """Give the account its old address back and end all its sessions: whoever changed it may be in; commits.

    What was added since the change was asked for goes too. Raises InvalidLink, and AddressTaken."""
    spent = one_time_tokens.spend(db, token, Purpose.UNDO_EMAIL_CHANGE, now=now)
    user = _owner_of_change(db, spent)
    email_change.set_address(db, user, str(spent.email), client=client, now=now)
    # Mails about later changes go to addresses that were never the owner's: their links take nothing back, and none is
    # sent any more. Which are later says when the changes were (email_change.py): mails overtake each other.
    one_time_tokens.cancel(db, Purpose.UNDO_EMAIL_CHANGE, user_id=user.id, after=spent.since, now=now)
    outbox.withdraw(db, MailKind.ADDRESS_CHANGED, user_id=user.id, after=spent.since)
    audit.record(db, audit.Kind.EMAIL_CHANGE_UNDONE, client=client, now=now, user_id=user.id, actor_id=user.id)
    asked_at = spent.since - LIFETIMES[Purpose.CHANGE_EMAIL] if spent.since else None  # at the earliest
    return _secure(db, user, since=asked_at, reason=EndReason.EMAIL_CHANGE_UNDONE, client=client, now=now)


def _owner_of_change(db: DbSession, row: OneTimeToken) -> User:
    user = db.get_one(User, row.user_id)
    if not user.is_active:
        raise InvalidLink
    return user


# --- both ------------------------------------------------------------------------------------------------


def _secure(
    db: DbSession, user: User, *, since: datetime | None, reason: EndReason, client: audit.Client, now: datetime
) -> Remedied:
    """Leave nothing by which somebody gets in again, or is in: no session, nothing that came since, no sign-in that
    waits for its code, nor the password, since with it they would make the link to a new one useless by signing in;
    commits. The user's row is locked: a sign-in is over by now, and its session ends here, or comes to nothing."""
    who = {"user_id": user.id, "actor_id": user.id, "client": client, "now": now}
    revocation.end_all_of(db, reason=reason, **who)  # type: ignore[arg-type]
    taken_away = ["two-step sign-in"] if mfa_setup.take_away(db, since=since, **who) else []  # type: ignore[arg-type]
    taken_away += ["the recovery codes"] if recovery_codes.take_away(db, since=since, **who) else []  # type: ignore[arg-type]
    if count := len(passkeys.remove_all(db, since=since, **who)):  # type: ignore[arg-type]
        taken_away.append("a passkey" if count == 1 else f"{count} passkeys")
    user.password_hash = passwords.NO_PASSWORD
    user.devices_forgotten_at = now
    one_time_tokens.cancel(db, Purpose.RESET_PASSWORD, Purpose.SECOND_FACTOR, user_id=user.id, now=now)
    reset_token = one_time_tokens.issue(db, Purpose.RESET_PASSWORD, user_id=user.id, email=user.email, now=now)
    db.commit()
    return Remedied(user.id, reset_token, taken_away)
