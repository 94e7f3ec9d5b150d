"""What a token of ours looks like, and the strict check that a string is one (RFC 7515, RFC 8725).

A token that passes is ours in everything but time; whatever else the string is, InvalidToken is raised."""

import re
from typing import Any, Final, Literal

import jwt
from jwt.utils import base64url_decode

from webapp import strict_json
from webapp.errors import InvalidToken
from webapp.keys import Key, KeyRing

MAX_TOKEN_LENGTH: Final = 4096
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
_REQUIRED: Final[dict[Kind, set[str]]] = {"access": _COMMON | {"auth_time"}, "refresh": _COMMON | {"gen"}}
_OPTIONAL: Final[dict[Kind, set[str]]] = {"access": {"rgen"}, "refresh": set()}


def audience(issuer: str, kind: Kind) -> str:
    """Return whom a token is for: the API, or the one call that refreshes."""
    return f"{issuer}/api" if kind == "access" else f"{issuer}/api/refresh"


def header_of(kind: Kind, key: Key) -> dict[str, str]:
    """Return the whole header of a token that `key` signs: PyJWT takes the algorithm from it."""
    return {"typ": _TYP[kind], "alg": key.algorithm, "kid": key.id}


def signed_claims(keys: KeyRing, kind: Kind, issuer: str, token: str) -> dict[str, Any]:
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


def _key(keys: KeyRing, kind: Kind, said: dict[str, Any]) -> Key:
    """Return the key the header names out of ours; nothing else in a header is followed (RFC 8725 §3.10)."""
    key = keys.find(said.get("kid"))
    if key is None or said != header_of(kind, key):
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
        and claims["aud"] == audience(issuer, kind)
        and all(is_count(claims[name], most=MAX_INSTANT) for name in instants)
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


def is_count(value: object, *, most: int = MAX_COUNT) -> bool:
    """Whether a value is a whole number of at least 1 and at most `most`; JSON's true is none."""
    return type(value) is int and 0 < value <= most


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
