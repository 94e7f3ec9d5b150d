"""Minting and verifying every JWT (RFC 7519, RFC 9068, RFC 8725): flask-jwt-extended mints, one strict check verifies.

Both functions of verification raise InvalidToken or TokenExpired and nothing else, whatever the string is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import jwt
from flask_jwt_extended import create_access_token, create_refresh_token
from jwt.utils import base64url_decode

from webapp import strict_json
from webapp.config import Settings
from webapp.errors import InvalidToken, TokenExpired
from webapp.keys import key_id

ALGORITHM: Final = "HS256"
MAX_TOKEN_LENGTH: Final = 4096
SKEW: Final = timedelta(seconds=10)
MAX_INSTANT: Final = 253_402_300_799  # the last second of the year 9999, the last that datetime can hold
MAX_COUNT: Final = 2**31 - 1  # the largest id and generation that the columns can hold
# Three segments, the last an HS256 signature in its one canonical spelling: 256 bits leave two bits of the 43rd
# character unused, and they must be zero (RFC 8725 §3.14).
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)
_SUBJECT: Final = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
SESSION_ID: Final = "[A-Za-z0-9_-]{22}"  # 128 random bits in base64url
_SESSION_ID: Final = re.compile(SESSION_ID, re.ASCII)

_COMMON: Final = {"iss", "aud", "iat", "nbf", "exp", "jti", "sub", "sid", "type", "fresh"}
_jws: Final = jwt.PyJWS()

Kind = Literal["access", "refresh"]
_TYP: Final[dict[Kind, str]] = {"access": "at+jwt", "refresh": "rt+jwt"}
_REQUIRED: Final[dict[Kind, set[str]]] = {"access": _COMMON | {"auth_time"}, "refresh": _COMMON | {"gen"}}
_OPTIONAL: Final[dict[Kind, set[str]]] = {"access": {"rgen"}, "refresh": set()}


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
    header = _header(settings, "access")
    token: str = create_access_token(str(user_id), additional_claims=claims, additional_headers=header)
    return token


def mint_refresh(settings: Settings, *, user_id: int, sid: str, gen: int, now: datetime, expires_at: datetime) -> str:
    """Return a signed refresh token of generation `gen`, valid in [now, expires_at) to the second."""
    claims = {"gen": gen, **_common_claims(settings, "refresh", sid=sid, now=now, expires_at=expires_at)}
    header = _header(settings, "refresh")
    token: str = create_refresh_token(str(user_id), additional_claims=claims, additional_headers=header)
    return token


def _common_claims(settings: Settings, kind: Kind, *, sid: str, now: datetime, expires_at: datetime) -> dict[str, Any]:
    issued = int(now.timestamp())
    return {
        "iss": settings.base_url,
        "aud": _audience(settings, kind),
        "iat": issued,
        "nbf": issued,
        "exp": int(expires_at.timestamp()),
        "sid": sid,
    }


def _header(settings: Settings, kind: Kind) -> dict[str, str]:
    return {"typ": _TYP[kind], "kid": key_id(settings.secret_key.get_secret_value())}


def _audience(settings: Settings, kind: Kind) -> str:
    return f"{settings.base_url}/api" if kind == "access" else f"{settings.base_url}/api/refresh"


# --- verifying -----------------------------------------------------------------------------------------


def verify_access(settings: Settings, token: str, *, now: datetime, allow_expired: bool = False) -> AccessClaims:
    """Return the claims of an access token. `allow_expired` is for signing out, which must always work."""
    claims = _verify(settings, "access", token, now=now, allow_expired=allow_expired)
    if "rgen" in claims and not _is_count(claims["rgen"]):
        raise InvalidToken
    return AccessClaims(
        user_id=int(claims["sub"]),
        sid=claims["sid"],
        issued_at=_instant(claims["iat"]),
        expires_at=_instant(claims["exp"]),
        authenticated_at=_instant(claims["auth_time"]),
        rgen=claims.get("rgen"),
    )


def verify_refresh(settings: Settings, token: str, *, now: datetime, allow_expired: bool = False) -> RefreshClaims:
    """Return the claims of a refresh token; what its generation means is decided by sessions.py."""
    claims = _verify(settings, "refresh", token, now=now, allow_expired=allow_expired)
    if not _is_count(claims["gen"]):
        raise InvalidToken
    return RefreshClaims(
        user_id=int(claims["sub"]),
        sid=claims["sid"],
        gen=claims["gen"],
        issued_at=_instant(claims["iat"]),
        expires_at=_instant(claims["exp"]),
    )


def _verify(settings: Settings, kind: Kind, token: str, *, now: datetime, allow_expired: bool) -> dict[str, Any]:
    claims = _signed_payload(settings, kind, token)
    _check_claims(settings, kind, claims)
    issued, expires = _instant(claims["iat"]), _instant(claims["exp"])
    longest = settings.access_ttl if kind == "access" else settings.refresh_ttl
    # Both ends are whole seconds, cut off separately: that may lengthen the span by less than one.
    is_too_long = expires - issued >= longest + timedelta(seconds=1)
    # Signing out must work for tokens from before the lifetimes were shortened, too.
    if not issued < expires or (is_too_long and not allow_expired):
        raise InvalidToken
    if now + SKEW < max(issued, _instant(claims["nbf"])):
        raise InvalidToken
    if now >= expires + SKEW and not allow_expired:
        raise TokenExpired
    return claims


def _signed_payload(settings: Settings, kind: Kind, token: str) -> dict[str, Any]:
    # Shape and size come before any parsing, so that junk costs nothing (RFC 8725 §3.14).
    if len(token) > MAX_TOKEN_LENGTH or not _SHAPE.fullmatch(token):
        raise InvalidToken
    try:
        key = _key(settings, kind, _json_object(base64url_decode(token.partition(".")[0])))
        claims = _json_object(_jws.decode_complete(token, key, algorithms=[ALGORITHM])["payload"])
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise InvalidToken from None
    return claims


def _key(settings: Settings, kind: Kind, header: Mapping[str, Any]) -> str:
    """Return the key the header names out of ours; nothing else in a header is followed (RFC 8725 §3.10)."""
    if header.get("typ") != _TYP[kind] or header.get("alg") != ALGORITHM or not header.keys() <= {"typ", "alg", "kid"}:
        raise InvalidToken
    secret = settings.secret_key.get_secret_value()
    if header.get("kid", key_id(secret)) != key_id(secret):
        raise InvalidToken
    return secret


def _check_claims(settings: Settings, kind: Kind, claims: dict[str, Any]) -> None:
    names = claims.keys()
    if not _REQUIRED[kind] <= names or not names <= _REQUIRED[kind] | _OPTIONAL[kind]:
        raise InvalidToken
    instants = ("iat", "nbf", "exp", *(("auth_time",) if kind == "access" else ()))
    is_valid = (
        claims["type"] == kind
        and claims["iss"] == settings.base_url
        and claims["aud"] == _audience(settings, kind)
        and all(_is_count(claims[name], most=MAX_INSTANT) for name in instants)
        and isinstance(claims["jti"], str)
        and claims["fresh"] is False
        and _matches(_SUBJECT, claims["sub"])
        and int(claims["sub"]) <= MAX_COUNT
        and _matches(_SESSION_ID, claims["sid"])
    )
    if not is_valid:
        raise InvalidToken


def _json_object(text: bytes) -> dict[str, Any]:
    value = strict_json.loads(text)
    if not isinstance(value, dict):
        raise InvalidToken
    return value


def _is_count(value: object, *, most: int = MAX_COUNT) -> bool:
    return type(value) is int and 0 < value <= most


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
