"""Minting and verifying every JWT (RFC 7519, RFC 9068, RFC 8725): flask-jwt-extended mints, one strict check verifies.

Both functions of verification raise InvalidToken or TokenExpired and nothing else, whatever the string is."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from flask_jwt_extended import create_access_token, create_refresh_token

from webapp.clock import HOSTS_APART
from webapp.config import Settings
from webapp.errors import InvalidToken, TokenExpired
from webapp.keys import KeyRing
from webapp.token_format import Kind, audience, header_of, is_count, signed_claims
from webapp.token_signing import Holder

SKEW: Final = timedelta(seconds=10)
# How many verified tokens a process remembers, 2 kB each: signature and claims never change, and the row decides.
REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """A verified access token: whose it is, which session's, and until when (aware UTC instants)."""

    user_id: int
    sid: str
    issued_at: datetime
    expires_at: datetime
    authenticated_at: datetime
    rgen: int | None


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """A verified refresh token: a signed (sid, gen)."""

    user_id: int
    sid: str
    gen: int
    issued_at: datetime
    expires_at: datetime


# --- minting -------------------------------------------------------------------------------------------


def mint_access(
    settings: Settings,
    *,
    user_id: int,
    sid: str,
    authenticated_at: datetime,
    rgen: int | None,
    now: datetime,
    expires_at: datetime,
) -> str:
    """Return a signed access token, valid in [now, expires_at) to the second."""
    claims: dict[str, Any] = {"auth_time": int(authenticated_at.timestamp())}
    if rgen is not None:
        claims["rgen"] = rgen
    claims |= _common_claims(settings, "access", sid=sid, now=now, expires_at=expires_at)
    holder = Holder(user_id, settings.access_keys.signing)
    header = header_of("access", holder.key)
    token: str = create_access_token(holder, additional_claims=claims, additional_headers=header)
    return token


def mint_refresh(settings: Settings, *, user_id: int, sid: str, gen: int, now: datetime, expires_at: datetime) -> str:
    """Return a signed refresh token of generation `gen`, valid in [now, expires_at) to the second."""
    claims = {"gen": gen, **_common_claims(settings, "refresh", sid=sid, now=now, expires_at=expires_at)}
    holder = Holder(user_id, settings.refresh_keys.signing)
    header = header_of("refresh", holder.key)
    token: str = create_refresh_token(holder, additional_claims=claims, additional_headers=header)
    return token


def _common_claims(settings: Settings, kind: Kind, *, sid: str, now: datetime, expires_at: datetime) -> dict[str, Any]:
    issued = int(now.timestamp())
    return {
        "iss": settings.base_url,
        "aud": audience(settings.base_url, kind),
        "iat": issued,
        "nbf": issued,
        "exp": int(expires_at.timestamp()),
        "sid": sid,
    }


# --- verifying -----------------------------------------------------------------------------------------


def verify_access(settings: Settings, token: str, *, now: datetime, allow_expired: bool = False) -> AccessClaims:
    """Return the claims of an access token. `allow_expired` is for signing out, which must always work."""
    claims = _access_claims(settings.access_keys, settings.base_url, token)
    _check_time(claims, longest=settings.access_ttl, now=now, allow_expired=allow_expired)
    return claims


def verify_refresh(settings: Settings, token: str, *, now: datetime, allow_expired: bool = False) -> RefreshClaims:
    """Return the claims of a refresh token; what its generation means is decided by sessions.py."""
    claims = _refresh_claims(settings.refresh_keys, settings.base_url, token)
    _check_time(claims, longest=settings.refresh_ttl, now=now, allow_expired=allow_expired)
    return claims


@lru_cache(REMEMBERED)
def _access_claims(keys: KeyRing, issuer: str, token: str) -> AccessClaims:
    claims = signed_claims(keys, "access", issuer, token)
    if "rgen" in claims and not is_count(claims["rgen"]):
        raise InvalidToken
    return AccessClaims(
        user_id=int(claims["sub"]),
        sid=claims["sid"],
        issued_at=_instant(claims["iat"]),
        expires_at=_instant(claims["exp"]),
        authenticated_at=_instant(claims["auth_time"]),
        rgen=claims.get("rgen"),
    )


@lru_cache(REMEMBERED)
def _refresh_claims(keys: KeyRing, issuer: str, token: str) -> RefreshClaims:
    claims = signed_claims(keys, "refresh", issuer, token)
    if not is_count(claims["gen"]):
        raise InvalidToken
    return RefreshClaims(
        user_id=int(claims["sub"]),
        sid=claims["sid"],
        gen=claims["gen"],
        issued_at=_instant(claims["iat"]),
        expires_at=_instant(claims["exp"]),
    )


def _check_time(
    claims: AccessClaims | RefreshClaims, *, longest: timedelta, now: datetime, allow_expired: bool
) -> None:
    # Both ends are whole seconds, cut off separately: that may lengthen the span by less than one.
    is_too_long = claims.expires_at - claims.issued_at >= longest + timedelta(seconds=1)
    # Signing out must work for tokens from before the lifetimes were shortened, too.
    if is_too_long and not allow_expired:
        raise InvalidToken
    # More than at the end: it lets no token live longer.
    if now + HOSTS_APART < claims.issued_at:
        raise InvalidToken
    if now >= claims.expires_at + SKEW and not allow_expired:
        raise TokenExpired


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
