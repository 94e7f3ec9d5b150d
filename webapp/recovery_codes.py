"""Recovery codes: ten codes that stand in for a lost second factor, shown once, hashed as passwords are, used once."""

import base64
import secrets
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select

from webapp import audit, one_time_tokens, outbox, passwords, session_state
from webapp.clock import HOSTS_APART
from webapp.database import DbSession, lock_rows
from webapp.errors import SecondFactorState
from webapp.models import RecoveryCode, User

COUNT: Final = 10
FEW: Final = 3  # fewer are a reason to make new ones
_BYTES: Final = 10  # 80 random bits: sixteen characters of base32


def make() -> tuple[list[str], list[str]]:
    """Return ten new codes, "ABCD-EFGH-IJKL-MNOP", and their hashes, which `replace` stores."""
    codes = [_spelled(base64.b32encode(secrets.token_bytes(_BYTES)).decode()) for _ in range(COUNT)]
    return codes, [passwords.hash_password(code) for code in codes]


def replace(db: DbSession, *, user_id: int, hashes: list[str], now: datetime) -> None:
    """Let these be the user's codes, and no others; the caller commits."""
    remove_all(db, user_id=user_id)
    db.add_all(RecoveryCode(user_id=user_id, code_hash=code_hash, made_at=now) for code_hash in hashes)


def renew(db: DbSession, *, user_id: int, sid: str, client: audit.Client, now: datetime) -> list[str]:
    """Return ten new codes; the old ones open nothing any more; commits.

    Raises SecondFactorState if the user has no second factor for which they could stand in, or if a later request has
    made codes already, and SessionEnded if the session `sid` was ended meanwhile."""
    codes, hashes = make()
    # Locked, so that of two renewals at once one whole set of codes stays, and the factor beside it: the set of the one
    # that was asked for last, since after a double click that is the one that the browser shows.
    has_factor = lock_rows(db, User.is_active, User.id == user_id, User.totp_enabled_at.is_not(None))
    session_state.lock_unended(db, sid)
    if not has_factor:
        db.rollback()
        raise SecondFactorState("Recovery codes are for two-step sign-in. Set it up first.")
    if _are_newer(db, user_id=user_id, now=now):
        db.rollback()
        raise SecondFactorState("Newer codes were made a moment ago. If you did not see them, make new ones once more.")
    replace(db, user_id=user_id, hashes=hashes, now=now)
    audit.record(db, audit.Kind.RECOVERY_CODES_MADE, client=client, now=now, user_id=user_id, actor_id=user_id)
    outbox.enqueue(db, outbox.MailKind.RECOVERY_CODES_MADE, user_id=user_id, now=now, session_id=sid)
    db.commit()
    return codes


def _are_newer(db: DbSession, *, user_id: int, now: datetime) -> bool:
    """Whether the user's codes were made by a later request than that of `now`; of two at one instant neither is later.

    Codes from further ahead than the clocks of two hosts may be apart were made by a clock that was wrong: they are
    replaced, or nobody could make new ones until then."""
    made_at = db.scalar(select(func.max(RecoveryCode.made_at)).where(RecoveryCode.user_id == user_id))
    return made_at is not None and now < made_at <= now + HOSTS_APART


def take_away(
    db: DbSession, *, user_id: int, actor_id: int | None, client: audit.Client, now: datetime, since: datetime | None
) -> bool:
    """Remove the user's codes if they were made since then; the caller commits. Return whether there were any."""
    if not remove_all(db, user_id=user_id, since=since):
        return False
    kind = audit.Kind.RECOVERY_CODES_REMOVED
    audit.record(db, kind, client=client, now=now, user_id=user_id, actor_id=actor_id)
    return True


def remove_all(db: DbSession, *, user_id: int, since: datetime | None = None) -> bool:
    """Delete the user's codes but those from before `since`; the caller commits. Return whether there were any."""
    which = [RecoveryCode.user_id == user_id] + ([RecoveryCode.made_at >= since] if since else [])
    return bool(db.scalars(delete(RecoveryCode).where(*which).returning(RecoveryCode.id)).all())


def count(db: DbSession, *, user_id: int) -> int:
    """Return how many codes are left."""
    return len(db.scalars(select(RecoveryCode.id).where(RecoveryCode.user_id == user_id)).all())


def take(db: DbSession, *, user_id: int, code: str, client: audit.Client, now: datetime) -> bool:
    """Whether `code` is one of the user's, in whatever case and grouping; it is used up; the caller commits.

    What the caller has written before is committed here, since comparing takes too long to keep others waiting."""
    rows = db.execute(select(RecoveryCode.id, RecoveryCode.code_hash).where(RecoveryCode.user_id == user_id)).all()
    db.commit()  # hands the connection back: each of the codes left takes a hash
    spelled = _spelled(code)
    matching = next((row.id for row in rows if passwords.verify_password(row.code_hash, spelled)), None)
    one_time_tokens.lock_owner(db, user_id)  # before its codes, as who takes the second factor away does
    taken = db.scalar(
        delete(RecoveryCode)
        .where(RecoveryCode.id == matching)
        .returning(RecoveryCode.id)
        .execution_options(synchronize_session=False)
    )
    if taken is None:
        return False
    audit.record(db, audit.Kind.RECOVERY_CODE_USED, client=client, now=now, user_id=user_id, actor_id=user_id)
    outbox.enqueue(db, outbox.MailKind.RECOVERY_CODE_USED, user_id=user_id, now=now, left=len(rows) - 1)
    return True


def _spelled(code: str) -> str:
    """Return a code as it is shown and hashed: capitals in groups of four."""
    plain = "".join(code.split()).replace("-", "").upper()
    return "-".join(plain[start : start + 4] for start in range(0, len(plain), 4))
