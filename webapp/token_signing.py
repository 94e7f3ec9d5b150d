"""How flask-jwt-extended signs our tokens: each with the key that its holder brings."""

from functools import lru_cache
from json import JSONEncoder
from typing import Any, NamedTuple

import jwt
from flask import Flask
from flask_jwt_extended import JWTManager
from flask_jwt_extended.tokens import _encode_jwt
from flask_jwt_extended.typing import ExpiresDelta, Fresh
from jwt.algorithms import HMACAlgorithm
from pydantic_core import to_json

from webapp.keys import Key


class Holder(NamedTuple):
    """What flask-jwt-extended calls the identity: whose token it is to be, and the key to sign it with."""

    user_id: int
    key: Key


class _Manager(JWTManager):
    """flask-jwt-extended's, without the settings that it looks up for each token: that took longer than to sign one."""

    def _encode_jwt_from_config(  # noqa: PLR0917 - the library's arguments
        self,
        identity: Holder,
        token_type: str,
        claims: dict[str, Any] | None = None,
        fresh: Fresh = False,
        expires_delta: ExpiresDelta | None = None,
        headers: dict[str, str] | None = None,
    ) -> str:
        return _encode_jwt(
            algorithm=identity.key.algorithm,
            audience="",
            claim_overrides=claims or {},
            csrf=False,
            expires_delta=False,  # `exp` is among the claims
            fresh=fresh,
            header_overrides=headers or {},
            identity=str(identity.user_id),
            identity_claim_key="sub",
            issuer="",
            json_encoder=_Writer,
            secret=identity.key.signs_with,
            token_type=token_type,
            nbf=False,
        )


class _Writer(JSONEncoder):
    """JSON by pydantic's writer. The standard library's is set up anew for header and claims of each token, which takes
    longer than HS256 does."""

    def __init__(self, *, sort_keys: bool = False, **_: Any) -> None:
        self._is_sorted = sort_keys

    def encode(self, o: Any) -> str:
        return to_json(dict(sorted(o.items())) if self._is_sorted else o).decode()


class _JudgedOnce(HMACAlgorithm):
    """HS256 that asks once of each secret whether it is a public key in disguise. At each token that is a quarter of
    what minting one costs."""

    prepare_key = lru_cache(HMACAlgorithm.prepare_key)


def init_app(app: Flask) -> None:
    """Let flask-jwt-extended sign each token with the key that its holder brings."""
    jwt.unregister_algorithm("HS256")
    jwt.register_algorithm("HS256", _JudgedOnce(HMACAlgorithm.SHA256))
    _Manager(app)
