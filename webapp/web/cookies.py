"""The refresh cookie: every attribute of it, set and cleared in one place."""

from typing import Final

from flask import Request
from werkzeug import Response

from webapp.config import Settings
from webapp.sessions import TokenPair

_PLAIN: Final = "refresh_token"


def cookie_name(settings: Settings) -> str:
    """`__Host-` makes a browser refuse the cookie from subdomains and over plain http (RFC 6265bis §4.1.3.2)."""
    return f"__Host-{_PLAIN}" if settings.is_https else _PLAIN


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
