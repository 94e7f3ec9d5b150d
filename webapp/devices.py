"""The device list: a user's active sessions, each named after its browser and system (ua-parser)."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, NamedTuple

import ua_parser
from sqlalchemy import ColumnElement, and_, or_, select

from webapp.config import Settings
from webapp.database import DbSession
from webapp.models import AuthSession
from webapp.session_notes import SEEN_EVERY

MOST_LISTED: Final = 200
ACTIVE_NOW: Final = timedelta(minutes=2)  # the row is written once a minute


class SignIn(NamedTuple):
    """What a mail, and the page that its link leads to, say of a sign-in."""

    device: str
    address: str
    signed_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class Device:
    """One active session, as its owner sees it; all instants aware UTC."""

    id: str
    family: str
    system: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    transport: str
    place: str
    activity: str
    is_active_now: bool
    is_current: bool


def list_devices(db: DbSession, settings: Settings, *, user_id: int, current_sid: str, now: datetime) -> list[Device]:
    """Return the user's active sessions, the current one first, then the last seen: 200 at the most."""
    active = select(AuthSession).where(AuthSession.user_id == user_id, is_active(settings, now=now))
    # By itself: what was last seen is written once a minute, and many others may have been since.
    current = db.scalars(active.where(AuthSession.id == current_sid))
    last_seen = active.order_by(AuthSession.last_seen_at.desc(), AuthSession.id).limit(MOST_LISTED - 1)
    others = db.scalars(last_seen.where(AuthSession.id != current_sid))
    rows = [*((row, True) for row in current), *((row, False) for row in others)]
    return [_device(row, is_current=is_current, now=now) for row, is_current in rows]


def is_active(settings: Settings, *, now: datetime) -> ColumnElement[bool]:
    """Return the condition "not ended, and some token of it may be alive": past its idle end, an access token only.

    A minute is added to both, since what the row says of its latest tokens is written once a minute."""
    before = now - SEEN_EVERY
    return and_(
        AuthSession.revoked_at.is_(None),
        AuthSession.expires_at > now,
        or_(AuthSession.refresh_expires_at > before, AuthSession.last_seen_at > before - settings.access_ttl),
    )


def _device(row: AuthSession, *, is_current: bool, now: datetime) -> Device:
    family, system = device_name(row.user_agent)
    return Device(
        id=row.id,
        family=family,
        system=system,
        address=row.ip,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        transport=row.transport,
        place=place_of(row.ip),
        activity=_in_words(row.activity),
        is_active_now=now - row.last_seen_at < ACTIVE_NOW,
        is_current=is_current,
    )


def sign_in_of(db: DbSession, sid: str | None) -> SignIn:
    """Return what is known of the sign-in that opened a session; little if the session is purged, or there is none."""
    session = db.get(AuthSession, sid) if sid else None
    if session is None:
        return SignIn("an unknown device", "", None)
    return SignIn(" on ".join(device_name(session.user_agent)), session.ip, session.created_at)


def place_of(address: str) -> str:
    """Return where an address is, as far as it tells by itself: on this machine, in the same network, elsewhere."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address or "Unknown"
    if parsed.is_loopback:
        return f"This machine ({address})"
    return f"Local network ({address})" if parsed.is_private else address


def _in_words(activity: str) -> str:
    """Return what a session did last, "Uses the API" or "Looks at /account"; the route, never its values."""
    method, _, route = activity.partition(" ")
    if not route:
        return ""
    if route.startswith(("/login", "/api/login")):
        return "Signs in"
    if route == "/api/refresh":
        return "Renews its sign-in"
    if route.startswith("/api/"):
        return "Uses the API"
    route = re.sub(r"<[^>]*>", "…", route)
    return f"Looks at {route}" if method == "GET" else f"Sends a form to {route}"


@lru_cache(maxsize=1024)
def device_name(user_agent: str) -> tuple[str, str]:
    """Return browser family and system of a User-Agent header, such as ("Firefox", "Linux")."""
    parsed = ua_parser.parse(user_agent)
    return (
        parsed.user_agent.family if parsed.user_agent else "Unknown browser",
        parsed.os.family if parsed.os else "Unknown system",
    )
