"""Minting and verifying every JWT (RFC 7519, RFC 9068, RFC 8725): flask-jwt-extended mints, one strict check verifies.

Both functions of verification raise InvalidToken or TokenExpired and nothing else, whatever the string is."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

import jwt
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token
from jwt.utils import base64url_decode

from webapp import strict_json
from webapp.config import Settings
from webapp.errors import InvalidToken, TokenExpired
from webapp.keys import Key, KeyRing

# How many verified tokens a process remembers, 2 kB each: signature and claims never change, and the row decides.
REMEMBERED: Final = 4096
MAX_TOKEN_LENGTH: Final = 4096
SKEW: Final = timedelta(seconds=10)
MAX_INSTANT: Final = 253_402_300_799  # the last second of the year 9999, the last that datetime can hold
MAX_COUNT: Final = 2**31 - 1  # the largest id and generation that the columns can hold
# Three segments, the last a signature in its one canonical spelling: of HS256, 256 bits leave two bits of the 43rd
# character unused, of EdDSA and ES256, 512 leave four of the 86th, and they must be zero (RFC 8725 §3.14).
_SIGNATURE: Final = r"(?:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]|[A-Za-z0-9_-]{85}[AQgw])"
_SHAPE: Final = re.compile(rf"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.{_SIGNATURE}", re.ASCII)
_SUBJECT: Final = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
SESSION_ID: Final = "[A-Za-z0-9_-]{22}"  # 128 random bits in base64url
_SESSION_ID: Final = re.compile(SESSION_ID, re.ASCII)

_COMMON: Final = {"iss", "aud", "iat", "nbf", "exp", "jti", "sub", "sid", "type", "fresh"}
_jws: Final = jwt.PyJWS()

Kind = Literal["access", "refresh"]
_TYP: Final[dict[Kind, str]] = {"access": "at+jwt", "refresh": "rt+jwt"}
_AUDIENCE: Final[dict[Kind, str]] = {"access": "/api", "refresh": "/api/refresh"}
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


class _Holder(NamedTuple):
    """What flask-jwt-extended calls the identity: whose token it is to be, and the key to sign it with."""

    user_id: int
    key: Key


def init_app(app: Flask) -> None:
    """Let flask-jwt-extended, which knows one key, sign each token with the key that its holder brings."""
    manager = JWTManager(app)
    manager.user_identity_loader(lambda holder: str(holder.user_id))
    manager.encode_key_loader(lambda holder: holder.key.signs_with)


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
    holder = _Holder(user_id, settings.access_keys.signing)
    token: str = create_access_token(holder, additional_claims=claims, additional_headers=_header("access", holder.key))
    return token


def mint_refresh(settings: Settings, *, user_id: int, sid: str, gen: int, now: datetime, expires_at: datetime) -> str:
    """Return a signed refresh token of generation `gen`, valid in [now, expires_at) to the second."""
    claims = {"gen": gen, **_common_claims(settings, "refresh", sid=sid, now=now, expires_at=expires_at)}
    holder = _Holder(user_id, settings.refresh_keys.signing)
    header = _header("refresh", holder.key)
    token: str = create_refresh_token(holder, additional_claims=claims, additional_headers=header)
    return token


def _common_claims(settings: Settings, kind: Kind, *, sid: str, now: datetime, expires_at: datetime) -> dict[str, Any]:
    issued = int(now.timestamp())
    return {
        "iss": settings.base_url,
        "aud": settings.base_url + _AUDIENCE[kind],
        "iat": issued,
        "nbf": issued,
        "exp": int(expires_at.timestamp()),
        "sid": sid,
    }


def _header(kind: Kind, key: Key) -> dict[str, str]:
    # PyJWT signs by the algorithm that the header names.
    return {"typ": _TYP[kind], "alg": key.algorithm, "kid": key.id}


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
    claims = _signed_claims(keys, "access", issuer, token)
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


@lru_cache(REMEMBERED)
def _refresh_claims(keys: KeyRing, issuer: str, token: str) -> RefreshClaims:
    claims = _signed_claims(keys, "refresh", issuer, token)
    if not _is_count(claims["gen"]):
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
    if now + SKEW < claims.issued_at:
        raise InvalidToken
    if now >= claims.expires_at + SKEW and not allow_expired:
        raise TokenExpired


def _signed_claims(keys: KeyRing, kind: Kind, issuer: str, token: str) -> dict[str, Any]:
    """Return the claims of a token that is ours in everything but time."""
    # Shape and size come before any parsing, so that junk costs nothing (RFC 8725 §3.14).
    if len(token) > MAX_TOKEN_LENGTH or not _SHAPE.fullmatch(token):
        raise InvalidToken
    try:
        key = _key(keys, kind, _json_object(base64url_decode(token.partition(".")[0])))
        payload = _jws.decode_complete(token, key.verifies_with, algorithms=[key.algorithm])["payload"]
        claims = _json_object(payload)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise InvalidToken from None
    _check_claims(kind, issuer, claims)
    return claims


def _key(keys: KeyRing, kind: Kind, header: dict[str, Any]) -> Key:
    """Return the key the header names out of ours; nothing else in a header is followed (RFC 8725 §3.10)."""
    key = keys.find(header.get("kid"))
    if key is None or header != _header(kind, key):
        raise InvalidToken
    return key


def _check_claims(kind: Kind, issuer: str, claims: dict[str, Any]) -> None:
    names = claims.keys()
    if not _REQUIRED[kind] <= names or not names <= _REQUIRED[kind] | _OPTIONAL[kind]:
        raise InvalidToken
    instants = ("iat", "nbf", "exp", *(("auth_time",) if kind == "access" else ()))
    is_valid = (
        claims["type"] == kind
        and claims["iss"] == issuer
        and claims["aud"] == issuer + _AUDIENCE[kind]
        and all(_is_count(claims[name], most=MAX_INSTANT) for name in instants)
        and claims["nbf"] == claims["iat"] < claims["exp"]
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
