"""Tokens made by hand: a live token's header and claims changed, and signed again with whatever key."""

from typing import Any

import jwt

from tests.support.settings import SECRET_KEY


class _Removed:
    def __repr__(self) -> str:
        return "removed"


REMOVED = _Removed()


def read(token: str) -> dict[str, Any]:
    """Return a token's claims without verifying anything."""
    return jwt.decode(token, options={"verify_signature": False})


def forge(token: str, *, key: str = SECRET_KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """Return `token` with header fields and claims changed (REMOVED takes one away), signed with `key` by HS256."""
    merged = {k: v for k, v in {**read(token), **claims}.items() if v is not REMOVED}
    head = {k: v for k, v in {**jwt.get_unverified_header(token), **(header or {})}.items() if v is not REMOVED}
    head.pop("alg", None)
    typ = head.pop("typ", None)
    return jwt.encode(merged, key, algorithm="HS256", headers={**head, "typ": typ})
