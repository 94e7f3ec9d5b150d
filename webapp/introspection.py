"""Token introspection (RFC 7662): what another service is told of an access token, as the session's row has it now."""

import hmac
from datetime import datetime
from typing import Any

from webapp import session_state, tokens
from webapp.config import Settings
from webapp.errors import InvalidClient, InvalidToken
from webapp.token_format import audience


def require_client(settings: Settings, *, name: str | None, secret: str | None) -> None:
    """Raise InvalidClient unless `secret` is one that INTROSPECTION_CLIENTS has for the service `name`."""
    known = settings.introspection_secrets.get(name or "", ())
    if not any(hmac.compare_digest((secret or "").encode(), one.encode()) for one in known):
        raise InvalidClient


def describe(settings: Settings, token: str, *, now: datetime) -> dict[str, Any]:
    """Return the members of RFC 7662 §2.2 for an access token of a live session, `{"active": False}` for all else.

    Only a look: the session counts as neither used nor confirmed by it."""
    try:
        claims = tokens.verify_access(settings, token, now=now)
        session = session_state.find(claims.sid, claims.user_id)
        session.require_live(now)
    except InvalidToken:
        return {"active": False}
    return {
        "active": True,
        "token_type": "Bearer",
        "iss": settings.base_url,
        "aud": audience(settings.base_url, "access"),
        "sub": str(claims.user_id),
        "username": session.user.email,
        "sid": claims.sid,
        "iat": int(claims.issued_at.timestamp()),
        "exp": int(claims.expires_at.timestamp()),
        "auth_time": int(session.authenticated_at.timestamp()),
    }
