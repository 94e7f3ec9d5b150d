"""Everything that is kept about a user, for the user (GDPR, articles 15 and 20). No secret and no hash of one."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from webapp import audit, recovery_codes, session_state
from webapp.database import DbSession
from webapp.devices import device_name
from webapp.models import AuditEvent, AuthSession, Passkey


def export(db: DbSession, *, user_id: int, client: audit.Client, now: datetime) -> dict[str, Any]:
    """Return the user's data as JSON values, instants in ISO 8601 (UTC), newest rows first; commits (an event)."""
    user = session_state.user_of_session(db, user_id)
    sessions = db.scalars(
        select(AuthSession).where(AuthSession.user_id == user_id).order_by(AuthSession.created_at.desc())
    )
    passkeys = db.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id.desc()))
    events = db.scalars(select(AuditEvent).where(AuditEvent.user_id == user_id).order_by(AuditEvent.id.desc()))
    data = {
        "exported_at": now.isoformat(),
        "profile": {
            **_values(user, "id", "email", "first_name", "last_name", "email_verified", "is_admin", "created_at"),
            "second_factor_since": _value(user.totp_enabled_at),
            "recovery_codes_left": recovery_codes.count(db, user_id=user_id),
        },
        "sessions": [_session(row) for row in sessions],
        "passkeys": [_values(row, "name", "created_at", "last_used_at") for row in passkeys],
        "events": [_event(row) for row in events],
    }
    audit.record(db, audit.Kind.DATA_EXPORTED, client=client, now=now, user_id=user_id, actor_id=user_id)
    db.commit()
    return data


def _session(row: AuthSession) -> dict[str, Any]:
    columns = ("id", "transport", "created_at", "authenticated_at", "last_seen_at", "expires_at", "revoked_at")
    more = ("revoked_reason", "user_agent", "ip", "activity")
    return {"device": " on ".join(device_name(row.user_agent)), **_values(row, *columns, *more)}


def _event(row: AuditEvent) -> dict[str, Any]:
    values = _values(row, "at", "kind", "session_id", "ip", "user_agent", "detail")
    # An administrator's own data. Nobody is the actor of a failed sign-in: the owner is told where it came from.
    is_somebody_elses = row.actor_id not in (None, row.user_id)
    return {**values, "ip": "", "user_agent": ""} if is_somebody_elses else values


def _values(row: object, *names: str) -> dict[str, Any]:
    return {name: _value(getattr(row, name)) for name in names}


def _value(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
