"""Our cookies: the refresh token's and the known device's, every attribute of them, set and cleared in one place."""

from datetime import datetime
from typing import Final

from flask import Request
from werkzeug import Response

from webapp import known_devices
from webapp.config import Settings
from webapp.token_pairs import TokenPair

_REFRESH: Final = "refresh_token"
_DEVICE: Final = "known_device"


def cookie_name(settings: Settings, plain: str = _REFRESH) -> str:
    """`__Host-` makes a browser refuse the cookie from subdomains and over plain http (RFC 6265bis §4.1.3.2)."""
    return f"__Host-{plain}" if settings.is_https else plain


# --- the refresh token -----------------------------------------------------------------------------------


def read_refresh(settings: Settings, request: Request) -> str | None:
    return request.cookies.get(cookie_name(settings)) or None


def set_refresh(settings: Settings, response: Response, pair: TokenPair) -> None:
    """Put a successor into the cookie for as long as it lives, or for the browser's session."""
    if pair.refresh_token is None:
        return
    response.set_cookie(
        cookie_name(settings),
        pair.refresh_token,
        max_age=pair.refresh_expires_in if pair.session.remember else None,
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="Lax",
    )


def clear_refresh(settings: Settings, response: Response) -> None:
    """Take the cookie away; for sessions that are really over, never for a passing failure."""
    response.delete_cookie(cookie_name(settings), path="/", secure=settings.is_https, httponly=True, samesite="Lax")


# --- the known device ------------------------------------------------------------------------------------


def read_device(settings: Settings, request: Request) -> known_devices.KnownDevice:
    """Return the device that the request's cookie names, or one that knows nobody."""
    return known_devices.read(settings, request.cookies.get(cookie_name(settings, _DEVICE)))


def set_device(settings: Settings, request: Request, response: Response, *, user_id: int, now: datetime) -> None:
    """Let this browser be known to the account that has just been signed in to."""
    response.set_cookie(
        cookie_name(settings, _DEVICE),
        known_devices.write(settings, read_device(settings, request), user_id=user_id, now=now),
        max_age=int(known_devices.LIFETIME.total_seconds()),
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="Lax",
    )
