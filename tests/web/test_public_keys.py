"""The public keys by which other services verify tokens (RFC 7517)."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.key_pairs import ED25519, P256, pem
from webapp.keys import key_pairs

pytestmark = pytest.mark.usefixtures("clock")


def test_public_keys_are_published_for_five_minutes_and_secrets_never(make_app: Callable[..., Flask]) -> None:
    """RFC 7517 §5."""
    both = pem(ED25519) + pem(P256)
    reply = make_app(jwt_signing_key=both).test_client().get("/.well-known/jwks.json")
    assert reply.json == {"keys": [key.jwk for key in key_pairs(both)]}
    assert not any({"d", "k"} & key.keys() for key in reply.json["keys"])
    assert reply.headers["Cache-Control"] == "public, max-age=300"
    assert not {"Vary", "Pragma", "Set-Cookie"} & set(reply.headers.keys())
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_without_a_pair_there_is_nothing_to_publish(make_app: Callable[..., Flask]) -> None:
    reply = make_app(jwt_signing_key="").test_client().get("/.well-known/jwks.json")
    assert reply.json == {"keys": []}
