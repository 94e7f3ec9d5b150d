"""Setting the second factor up, by a first code, and taking it away. The seed is sealed at rest (RFC 6238; pyotp).

A seed that waits for its first code is its session's alone: sealed with it are which session began it, and when."""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import pyotp
import segno
from sqlalchemy import select, update

from webapp import audit, outbox, reauthentication, recovery_codes, session_state
from webapp.config import Settings
from webapp.database import DbSession, lock_rows
from webapp.errors import EmailNotVerified, InvalidFields, SecondFactorState
from webapp.mfa import STEP_SECONDS, check_throttle, matching_step, note_failure, opened, shared_count
from webapp.models import User
from webapp.revocation import EndReason, end_all_of
from webapp.sealing import seal

ISSUER: Final = "Evergreen"
BEGUN_FOR: Final = timedelta(minutes=30)  # so long a seed waits for its first code
NONE_WAITS: Final = "No set-up waits here: one ends after 30 minutes, or when another is begun. Begin anew."


class Enrolment(NamedTuple):
    """What an authenticator app needs: the seed in base32, and the same as an `otpauth://` address."""

    secret: str
    uri: str

    @property
    def qr_code(self) -> str:
        """The address as a QR code: an SVG picture as a `data:` address."""
        return str(segno.make(self.uri, error="m").svg_data_uri(scale=5, border=3, dark="#000", light="#fff"))


def begin(db: DbSession, settings: Settings, *, user_id: int, sid: str, now: datetime) -> Enrolment:
    """Make a new seed, which counts when this session has shown its first code, within BEGUN_FOR; commits.

    Raises SessionEnded if the session `sid` was ended meanwhile, SecondFactorState if a second factor is on already,
    and EmailNotVerified: who signed up with somebody else's address must not bar them from it."""
    secret = pyotp.random_base32()
    # Conditional: a confirmation beside this must not find another seed than the one it has looked at.
    user = db.execute(
        update(User)
        .where(User.id == user_id, User.totp_enabled_at.is_(None))
        .values(totp_seed=seal(settings, f"{sid} {int(now.timestamp())} {secret}"))
        .returning(User.email, User.email_verified)
        .execution_options(synchronize_session=False)
    ).first()
    # With the user's row locked: a seed must not outlive what has ended the session, and known to whom it put out.
    session_state.lock_unended(db, sid)
    if user is None:
        raise SecondFactorState("Two-step sign-in is on already. Turn it off first.")
    if not user.email_verified:
        raise EmailNotVerified
    db.commit()
    return _enrolment(secret, user.email)


def pending(db: DbSession, settings: Settings, *, user_id: int, sid: str, now: datetime) -> Enrolment | None:
    """Return the enrolment of this session that waits for its first code, or None; once it is confirmed the seed is
    never shown."""
    user = session_state.user_of_session(db, user_id)
    secret = None if user.totp_enabled_at else _begun(settings, user.totp_seed, sid=sid, now=now)
    return _enrolment(secret, user.email) if secret else None


def is_on(db: DbSession, *, user_id: int) -> bool:
    """Whether the user has a second factor by now, whatever was read before."""
    return db.scalar(select(User.totp_enabled_at).where(User.id == user_id)) is not None


def confirm(
    db: DbSession, settings: Settings, *, user_id: int, sid: str, code: str, client: audit.Client, now: datetime
) -> list[str]:
    """Turn the second factor on by its first code; every other session ends; commits. Return ten recovery codes.

    Raises SecondFactorState if none of this session waits to be confirmed, InvalidFields for a wrong code,
    TooManyAttempts, and SessionEnded if the session `sid` was ended meanwhile."""
    seed = db.scalar(select(User.totp_seed).where(User.id == user_id, User.totp_enabled_at.is_(None)))
    secret = _begun(settings, seed, sid=sid, now=now)
    if seed is None or secret is None:
        session_state.lock_unended(db, sid)
        raise SecondFactorState(NONE_WAITS)
    check_throttle(db, settings, user_id, shared_count(user_id), now=now)
    step = matching_step(secret, code, now=now)
    if step is None:
        note_failure(db, user_id, shared_count(user_id), actor_id=user_id, client=client, now=now)
        raise InvalidFields({"code": ["That code is not right. Check the clock of your device, and take the newest."]})
    db.rollback()  # hands the connection back: ten hashes take longer than all that needs one
    codes, hashes = recovery_codes.make()
    is_on = _turn_on(db, user_id, begun=seed, seed=seal(settings, secret), step=step, now=now)
    # Looked at with both rows locked: one that was ended during the hashes must not end those of its owner.
    session_state.lock_unended(db, sid)
    if not is_on:
        db.rollback()
        raise SecondFactorState("It was changed a moment ago. Take the next code, or begin again.")
    recovery_codes.replace(db, user_id=user_id, hashes=hashes, now=now)
    audit.record(db, audit.Kind.TOTP_ENABLED, client=client, now=now, user_id=user_id, actor_id=user_id)
    # Sessions from before have shown a password only.
    end_all_of(
        db, user_id=user_id, actor_id=user_id, but=sid, reason=EndReason.SECOND_FACTOR_ADDED, client=client, now=now
    )
    outbox.enqueue(db, outbox.MailKind.SECOND_FACTOR_ADDED, user_id=user_id, now=now, session_id=sid)
    db.commit()
    return codes


def _turn_on(db: DbSession, user_id: int, *, begun: str, seed: str, step: int, now: datetime) -> bool:
    """Whether this turned it on. The condition, and the step that is spent: of two confirmations at once, one does, and
    has codes that count; and the seed is the one whose code was shown, whatever another tab has begun meanwhile."""
    turned_on = db.scalar(
        update(User)
        .where(User.id == user_id, User.totp_seed == begun, User.totp_enabled_at.is_(None), User.totp_last_step < step)
        .values(totp_seed=seed, totp_enabled_at=now, totp_last_step=step)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    return turned_on is not None


def _begun(settings: Settings, sealed: str | None, *, sid: str, now: datetime) -> str | None:
    """Return the seed that the session has begun of late. None for another's: whoever began it knows the secret. One
    that was sealed alone is from before sessions were written down."""
    whose, _, begun = (opened(settings, sealed) or "").partition(" ")
    at, _, secret = begun.partition(" ")
    if whose != sid or not secret or now >= datetime.fromtimestamp(int(at), UTC) + BEGUN_FOR:
        return None
    return secret


def abandon(db: DbSession, *, user_id: int) -> None:
    """Forget a seed that waits for its first code; the caller commits."""
    db.execute(
        update(User)
        .where(User.id == user_id, User.totp_enabled_at.is_(None))
        .values(totp_seed=None)
        .execution_options(synchronize_session=False)
    )


def remove(
    db: DbSession, settings: Settings, *, user_id: int, sid: str, password: str, client: audit.Client, now: datetime
) -> None:
    """Take the second factor and its recovery codes away; commits.

    Raises InvalidFields for a wrong password, TooManyAttempts, SessionEnded if the session `sid` was ended meanwhile,
    and SecondFactorState if there is none."""
    own = {"user_id": user_id, "sid": sid}
    stored = reauthentication.confirm_password(db, settings, **own, password=password, client=client, now=now)  # type: ignore[arg-type]
    reauthentication.hold(db, **own, stored=stored)  # type: ignore[arg-type]
    if not take_away(db, user_id=user_id, actor_id=user_id, client=client, now=now):
        raise SecondFactorState("Two-step sign-in is off already.")
    db.commit()


def take_away(
    db: DbSession,
    *,
    user_id: int,
    actor_id: int | None,
    client: audit.Client,
    now: datetime,
    since: datetime | None = None,
) -> bool:
    """Take the second factor and its recovery codes away, but not one that was on before `since`; the caller commits.

    Return whether there was one; one that waits for its first code counts."""
    lock_rows(db, User.is_active, User.id == user_id)
    user = db.get(User, user_id, populate_existing=True)
    enabled_at = user.totp_enabled_at if user else None
    if user is None or user.totp_seed is None or (since and enabled_at and enabled_at < since):
        return False
    user.totp_seed = user.totp_enabled_at = None
    recovery_codes.remove_all(db, user_id=user_id)
    if enabled_at:
        audit.record(db, audit.Kind.TOTP_DISABLED, client=client, now=now, user_id=user_id, actor_id=actor_id)
        outbox.enqueue(db, outbox.MailKind.SECOND_FACTOR_REMOVED, user_id=user_id, now=now)
    return True


def _enrolment(secret: str, email: str) -> Enrolment:
    return Enrolment(secret, pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=email, issuer_name=ISSUER))
