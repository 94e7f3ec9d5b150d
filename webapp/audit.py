"""The audit log: what happened to which account, written in the same transaction as the act itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import insert, select

from webapp.database import PURGE_BATCH, DbSession, delete_in_batches, table_of
from webapp.models import ADDRESS_LENGTH, USER_AGENT_LENGTH, AuditEvent


class Kind(StrEnum):
    SIGN_IN = "sign_in"
    SIGN_IN_FAILED = "sign_in_failed"
    REFRESH_REUSE = "refresh_reuse"
    SESSION_REVOKED = "session_revoked"
    SIGN_IN_DISOWNED = "sign_in_disowned"
    CODE_ASKED = "code_asked"
    CODE_FAILED = "code_failed"
    REAUTHENTICATED = "reauthenticated"
    REAUTHENTICATION_FAILED = "reauthentication_failed"
    USER_CREATED = "user_created"
    USER_PROMOTED = "user_promoted"
    USER_DEMOTED = "user_demoted"
    USER_ACTIVATED = "user_activated"
    USER_DEACTIVATED = "user_deactivated"
    USER_UNLOCKED = "user_unlocked"
    ADMINISTRATION_REFUSED = "administration_refused"
    EXPORTED = "exported"
    EVENTS_PURGED = "events_purged"
    MAIL_DISCARDED = "mail_discarded"
    REGISTERED = "registered"
    REGISTERED_AGAIN = "registered_again"
    VERIFICATION_REQUESTED = "verification_requested"
    EMAIL_VERIFIED = "email_verified"
    EMAIL_CHANGE_REQUESTED = "email_change_requested"
    EMAIL_CHANGED = "email_changed"
    EMAIL_CHANGE_UNDONE = "email_change_undone"
    RESET_REQUESTED = "reset_requested"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of an event
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of an event
    PROFILE_CHANGED = "profile_changed"
    DATA_EXPORTED = "data_exported"
    ACCOUNT_DELETED = "account_deleted"
    TOTP_ENABLED = "totp_enabled"
    TOTP_DISABLED = "totp_disabled"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODES_REMOVED = "recovery_codes_removed"
    RECOVERY_CODE_USED = "recovery_code_used"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_RENAMED = "passkey_renamed"
    PASSKEY_REMOVED = "passkey_removed"


# Within that time what is asked for again is a double click's, or of who has lost the first answer.
JUST_NOW: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Client:
    """Who sent the request, as far as the server can see: address, User-Agent header, id of the request, what it asks
    for (method and route, such as "GET /api/products")."""

    address: str = ""
    user_agent: str = ""
    request_id: str = ""
    activity: str = ""


COMMAND_LINE = Client(user_agent="flask command line")


_write: Final = insert(table_of(AuditEvent))


def record(
    db: DbSession,
    kind: Kind,
    *,
    client: Client,
    now: datetime,
    user_id: int | None = None,
    actor_id: int | None = None,
    session_id: str | None = None,
    account_key: str | None = None,
    **detail: Any,
) -> None:
    """Add one event to the transaction at hand; the caller commits. `detail` must hold no secret."""
    about = {"user_id": user_id, "session_id": session_id}
    record_each(db, kind, [about], client=client, now=now, actor_id=actor_id, account_key=account_key, **detail)


def record_each(
    db: DbSession,
    kind: Kind,
    whose: Sequence[Mapping[str, Any]],
    *,
    client: Client,
    now: datetime,
    actor_id: int | None = None,
    account_key: str | None = None,
    **detail: Any,
) -> None:
    """Add such an event for each of many, which say their `user_id` and `session_id`, in one statement; the caller
    commits."""
    event = {
        "at": now,
        "kind": kind,
        "actor_id": actor_id,
        "account_key": account_key,
        "ip": client.address[:ADDRESS_LENGTH],
        "user_agent": client.user_agent[:USER_AGENT_LENGTH],
        "request_id": client.request_id,
        "detail": detail,
    }
    if whose:
        db.execute(_write, [{**event, **about} for about in whose])


def was_just_now(db: DbSession, kind: Kind, *, now: datetime, **about: Any) -> bool:
    """Whether there is such an event, with these columns, of the last minute: by any host's clock, which may be ahead.
    One that is far ahead says nothing."""
    is_young = (AuditEvent.at > now - JUST_NOW, AuditEvent.at < now + JUST_NOW)
    which = select(AuditEvent.id).where(AuditEvent.kind == kind, *is_young).filter_by(**about)
    return db.scalar(which.limit(1)) is not None


def purge(db: DbSession, *, before: datetime, client: Client, now: datetime, batch: int = PURGE_BATCH) -> int:
    """Delete the events from before an instant, `batch` rows a commit. Return how many.

    One event says how many, and is brought up to date with each batch: what is gone is written down, even if the purge
    is broken off. If there was nothing to delete there is none."""
    event = AuditEvent(at=now, kind=Kind.EVENTS_PURGED, ip=client.address, user_agent=client.user_agent)

    def note(count: int) -> None:
        event.detail = {"before": before.isoformat(timespec="seconds"), "count": count}
        db.add(event)

    return delete_in_batches(db, AuditEvent.id, AuditEvent.at < before, batch=batch, note=note)
