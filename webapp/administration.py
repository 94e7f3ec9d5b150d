"""What an administrator or operator does about somebody else's account; who may be one: administrators.py.

Each act names its actor in the audit log. Nobody reads or sets a password that is not theirs."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select, update

from webapp import administrators, audit, mfa_setup, one_time_tokens, outbox, passkeys, revocation, session_state
from webapp.database import DbSession, lock_in_order, lock_rows
from webapp.errors import NotAdministrator
from webapp.models import AuthSession, User
from webapp.outbox import MailKind
from webapp.revocation import EndReason

Outcome = TypeVar("Outcome")


def carry_out(
    db: DbSession,
    act: Callable[..., Outcome],
    *,
    actor_id: int,
    sid: str,
    client: audit.Client,
    now: datetime,
    **about: Any,
) -> Outcome:
    """Have one of the acts below, or of administrators.py, done for an administrator in the session `sid`, and return
    what it returns; commits.

    Raises SessionEnded and NotAdministrator if the session was ended, or the rights were taken away, while the act
    waited for the database: whoever did so comes first."""
    # Before the rows that the act itself locks: two who do something about each other take turns. It holds the
    # actor's own row as well.
    administrators.lock(db)
    session_state.check_unended(db, sid)
    if db.scalar(select(User.id).where(User.id == actor_id, User.is_admin, User.is_active)) is None:
        note_refused(db, actor_id=actor_id, client=client, now=now)
        raise NotAdministrator
    return act(db, actor_id=actor_id, client=client, now=now, **about)


def end_sessions(
    db: DbSession, *, sids: Collection[str], actor_id: int | None, client: audit.Client, now: datetime
) -> int:
    """End these sessions; commits. Return how many were live; the rest had ended already."""
    # Their owners' rows before them, as whoever keeps one and ends the others does.
    owners = select(AuthSession.user_id).where(AuthSession.id.in_(sids))
    lock_in_order(db, User.id, User.is_active, User.id.in_(owners))
    which = (AuthSession.id.in_(sids), AuthSession.expires_at > now)
    reason = EndReason.ENDED_BY_OPERATOR
    ended = revocation.end_sessions(db, *which, reason=reason, actor_id=actor_id, client=client, now=now)
    db.commit()
    return len(ended)


def end_all_sessions(db: DbSession, *, user_id: int, actor_id: int | None, client: audit.Client, now: datetime) -> int:
    """End all of a user's sessions; commits. Return how many were live."""
    one_time_tokens.lock_owner(db, user_id)  # before the sessions, as whoever keeps one and ends the others does
    who = {"user_id": user_id, "actor_id": actor_id, "client": client, "now": now}
    ended = revocation.end_all_of(db, reason=EndReason.ENDED_BY_OPERATOR, **who)  # type: ignore[arg-type]
    db.commit()
    return len(ended)


def start_reset(db: DbSession, *, user_id: int, actor_id: int | None, client: audit.Client, now: datetime) -> bool:
    """Mail the user a link that sets a new password, as if they had asked for it; commits. Return whether it was done:
    who is deactivated may not have one, and the actor's second click must not make the first's useless."""
    kind, who = audit.Kind.RESET_REQUESTED, {"user_id": user_id, "actor_id": actor_id}
    is_let_in = any(lock_rows(db, User.is_active, User.id == user_id))
    is_due = is_let_in and not audit.was_just_now(db, kind, now=now, **who)
    if is_due:
        audit.record(db, kind, client=client, now=now, **who)  # type: ignore[arg-type]
        outbox.enqueue(db, MailKind.RESET_PASSWORD, user_id=user_id, now=now)
    db.commit()
    return is_due


def remove_second_factor(
    db: DbSession, *, user_id: int, actor_id: int | None, client: audit.Client, now: datetime
) -> tuple[bool, int]:
    """Take two-step sign-in with its codes and all passkeys away, for who has lost them; commits. The owner is mailed.

    Return whether two-step sign-in was on or begun, and how many passkeys there were."""
    who = {"user_id": user_id, "actor_id": actor_id, "client": client, "now": now}
    had_totp = mfa_setup.take_away(db, **who)  # type: ignore[arg-type]
    names = passkeys.remove_all(db, **who)  # type: ignore[arg-type]
    for name in names:
        outbox.enqueue(db, MailKind.PASSKEY_REMOVED, user_id=user_id, now=now, passkey=name)
    db.commit()
    return had_totp, len(names)


def unlock(db: DbSession, *, user_id: int, actor_id: int | None, client: audit.Client, now: datetime) -> bool:
    """Let new devices in again after a hundred failed sign-ins in a row; commits. Return whether any had failed."""
    forgiven = update(User).where(User.id == user_id, User.failed_sign_ins > 0).values(failed_sign_ins=0)
    one = forgiven.returning(User.id).execution_options(synchronize_session=False)
    is_changed = db.scalar(one) is not None
    if is_changed:
        audit.record(db, audit.Kind.USER_UNLOCKED, client=client, now=now, user_id=user_id, actor_id=actor_id)
    db.commit()
    return is_changed


def note_refused(db: DbSession, *, actor_id: int, client: audit.Client, now: datetime) -> None:
    """Write down that somebody who is no administrator, or none any more, sent one of the desk's forms; commits."""
    audit.record(db, audit.Kind.ADMINISTRATION_REFUSED, client=client, now=now, actor_id=actor_id, form=client.activity)
    db.commit()


def note_export(
    db: DbSession, *, what: str, filters: dict[str, Any], actor_id: int, client: audit.Client, now: datetime
) -> None:
    """Write down that a list was taken away as a file, before its first row is; commits."""
    audit.record(db, audit.Kind.EXPORTED, client=client, now=now, actor_id=actor_id, what=what, filters=filters)
    db.commit()
