"""Changing the address: the new one is confirmed by a link, the old one is told and can undo it if it was proved
(remedies.py)."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from webapp import audit, one_time_tokens, outbox, reauthentication, session_state, throttle
from webapp.addresses import account_key, canonical_address, email_key
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import AddressTaken, InvalidAddress, InvalidFields, InvalidLink
from webapp.models import AuthSession, OneTimeToken, OutboxMail, User
from webapp.one_time_tokens import LIFETIMES, Purpose
from webapp.outbox import MailKind
from webapp.revocation import EndReason

# Between the clocks of two hosts a minute may lie. What is later than now by more than this was dated by a clock that
# was wrong, and dates nothing that comes after it.
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
# The ends of a session that leave its change of address as it is: nobody has put it out.
_ENDED_BY_ITSELF: Final = (None, EndReason.SIGNED_OUT, EndReason.EXPIRED)


def ask(
    db: DbSession,
    settings: Settings,
    *,
    user_id: int,
    sid: str,
    email: str,
    password: str,
    client: audit.Client,
    now: datetime,
) -> str | None:
    """Mail a link to the new address and a notice to the old one, which stays until the link is used; commits. Return
    the new address, or None if it gets no mail now: it was sent five in a day, the last one within the hour.

    The answer is the same if the new address has an account: its owner is told. Raises InvalidFields for `email` and
    `password`, TooManyAttempts, and SessionEnded if the session `sid` was ended meanwhile."""
    try:
        address = canonical_address(email)
    except InvalidAddress as error:
        raise InvalidFields({"email": [error.detail]}) from None
    own = {"user_id": user_id, "sid": sid}
    stored = reauthentication.confirm_password(db, settings, **own, password=password, client=client, now=now)  # type: ignore[arg-type]
    if address == session_state.user_of_session(db, user_id).email:
        raise InvalidFields({"email": ["That is your address already."]})
    reauthentication.hold(db, **own, stored=stored)  # type: ignore[arg-type]
    owner_id = _other_owner(db, address, user_id=user_id)
    kind, counted_as = audit.Kind.EMAIL_CHANGE_REQUESTED, account_key(email_key(address))
    # Once the link of the last mail is too old there is another, or strangers who ask would keep the owner out all day.
    pause = LIFETIMES[Purpose.CHANGE_EMAIL]
    is_spent = throttle.mails_are_spent(db, kind, account_key=counted_as, pause=pause, now=now)
    # Who asks once more than there are mails keeps the last link: there is no other yet.
    if not is_spent or not _is_asked_for(db, address, user_id=user_id):
        cancel(db, user_id=user_id, now=now)
    if not is_spent:
        # For `asked_for` alone, whether or not the address has an account: nobody is told this token.
        one_time_tokens.issue(db, Purpose.CHANGE_ASKED, user_id=user_id, email=address, session_id=sid, now=now)
    if owner_id is None and not is_spent:
        outbox.enqueue(db, MailKind.CONFIRM_NEW_ADDRESS, user_id=user_id, now=now, address=address, session_id=sid)
    else:
        outbox.enqueue(db, MailKind.ADDRESS_IN_USE, user_id=None if is_spent else owner_id, now=now)
    outbox.enqueue(db, MailKind.ADDRESS_CHANGE_ASKED, user_id=user_id, now=now, new_address=address)
    who = {"user_id": user_id, "actor_id": user_id, "account_key": None if is_spent else counted_as}
    audit.record(db, kind, client=client, now=now, **who)  # type: ignore[arg-type]
    db.commit()
    return None if is_spent else address


def _other_owner(db: DbSession, address: str, *, user_id: int) -> int | None:
    """Return whose the address is already. A stranger who has signed up with it and never proved it is in nobody's way:
    see set_address."""
    proved = or_(User.email_verified, User.is_admin)
    return db.scalar(select(User.id).where(User.email_key == email_key(address), User.id != user_id, proved))


def asked_for(db: DbSession, *, user_id: int, now: datetime) -> str | None:
    """Return the address that the user's account is to have, as far as they are told: a link was sent there of late,
    or its owner was told, and neither was anything else asked for since nor the session ended that asked."""
    which = (OneTimeToken.user_id == user_id, OneTimeToken.purpose == Purpose.CHANGE_ASKED)
    is_open = (OneTimeToken.used_at.is_(None), OneTimeToken.expires_at > now)
    row = db.scalar(select(OneTimeToken).where(*which, *is_open).order_by(OneTimeToken.id.desc()).limit(1))
    return row.email if row is not None and _is_asker_in(db, row) else None


def _is_asker_in(db: DbSession, row: OneTimeToken) -> bool:
    """Whether nobody has put out the session that asked for a change."""
    end = db.scalar(select(AuthSession.revoked_reason).where(AuthSession.id == row.session_id))
    return end in _ENDED_BY_ITSELF


def _is_asked_for(db: DbSession, address: str, *, user_id: int) -> bool:
    """Whether the change that the user has asked for, if any, is to that address: its link is sent, or its mail
    waits."""
    sent = select(OneTimeToken.email).where(
        OneTimeToken.user_id == user_id, OneTimeToken.purpose == Purpose.CHANGE_EMAIL, OneTimeToken.used_at.is_(None)
    )
    waiting = select(OutboxMail.detail).where(
        OutboxMail.user_id == user_id, OutboxMail.kind == MailKind.CONFIRM_NEW_ADDRESS
    )
    named = [*db.scalars(sent), *(detail["address"] for detail in db.scalars(waiting))]
    return any(email_key(str(email)) == email_key(address) for email in named)


def cancel(db: DbSession, *, user_id: int, now: datetime) -> None:
    """Make a change that was asked for and not confirmed yet come to nothing; the caller commits."""
    one_time_tokens.cancel(db, Purpose.CHANGE_EMAIL, Purpose.CHANGE_ASKED, user_id=user_id, now=now)
    outbox.withdraw(db, MailKind.CONFIRM_NEW_ADDRESS, user_id=user_id)


def check(db: DbSession, row: OneTimeToken) -> bool:
    """Return whether another account, which has the address of a link and never proved it, would make room for it.
    Raises what `confirm` would raise as things are."""
    if not _is_asker_in(db, row):
        raise InvalidLink
    other = (User.email_key == email_key(str(row.email)), User.id != row.user_id)
    holder = db.execute(select(User.email_verified, User.is_admin).where(*other)).first()
    if holder is not None and any(holder):
        raise AddressTaken
    return holder is not None


def confirm(db: DbSession, *, token: str, client: audit.Client, now: datetime) -> None:
    """Make the new address the account's; the caller commits. Links sent to the old one open nothing any more.

    Raises InvalidLink, also if the session that asked was ended from elsewhere meanwhile, and AddressTaken if another
    account has taken the address."""
    spent = one_time_tokens.spend(db, token, Purpose.CHANGE_EMAIL, now=now)
    if not _is_asker_in(db, spent):
        raise InvalidLink
    user = db.get_one(User, spent.user_id)
    old_address, was_proved = user.email, user.email_verified
    set_address(db, user, str(spent.email), client=client, now=now)
    # An address that nobody has proved may be a stranger's, mistyped: no link of theirs may open the account.
    if was_proved:
        outbox.keep_address(db, old_address, user_id=user.id)
        told = {"address": old_address, "new_address": user.email}
        dated = _after_the_last(db, user.id, now=now)
        outbox.enqueue(db, MailKind.ADDRESS_CHANGED, user_id=user.id, now=now, dated=dated, **told)
    audit.record(db, audit.Kind.EMAIL_CHANGED, client=client, now=now, user_id=user.id, actor_id=user.id)


def _after_the_last(db: DbSession, user_id: int, *, now: datetime) -> datetime:
    """Return the instant that a change of the user's address is dated by, whose row is locked: later than the one
    before, though it was made by a host whose clock is ahead. By it the undoing knows which came later."""
    waiting = (OutboxMail.kind == MailKind.ADDRESS_CHANGED, OutboxMail.user_id == user_id)
    sent = (OneTimeToken.purpose == Purpose.UNDO_EMAIL_CHANGE, OneTimeToken.user_id == user_id)
    found = [
        db.scalar(select(func.max(dated)).where(*which, dated.between(now, now + _CLOCKS_DIFFER)))
        for dated, which in ((OutboxMail.created_at, waiting), (OneTimeToken.since, sent))
    ]
    return max((latest + timedelta(microseconds=1) for latest in found if latest), default=now)


def set_address(db: DbSession, user: User, address: str, *, client: audit.Client, now: datetime) -> None:
    """Change the row; the caller commits. Raises AddressTaken: the unique key decides, whoever else is at it.

    The address is proved, so that an account which has it and never proved it makes room: it is deleted, and the log
    says by whom."""
    unproved = (User.email_key == email_key(address), User.id != user.id, ~User.email_verified, ~User.is_admin)
    try:
        removed = db.execute(
            delete(User)
            .where(*unproved)
            .returning(User.id, User.is_active)
            .execution_options(synchronize_session=False)
        ).first()
        db.execute(
            update(User)
            .where(User.id == user.id)
            .values(email=address, email_key=email_key(address), email_verified=True)
            .execution_options(synchronize_session=False)
        )
    except IntegrityError:
        db.rollback()
        raise AddressTaken from None
    if removed is not None:
        about = {"user_id": removed.id, "actor_id": user.id, "reason": "address_proved_by_another"}
        if not removed.is_active:
            about["was_deactivated"] = True
        audit.record(db, audit.Kind.ACCOUNT_DELETED, client=client, now=now, **about)
    db.refresh(user)
    one_time_tokens.cancel(db, Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD, user_id=user.id, now=now)
    cancel(db, user_id=user.id, now=now)
