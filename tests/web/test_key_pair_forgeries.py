"""Forgeries where the verifying half of a key is public: T01 to T04 under EdDSA and ES256."""

import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from jwt.utils import base64url_encode

from tests.support import people
from tests.support.databases import fresh_database
from tests.support.forge import read
from tests.support.settings import SECRET_KEY, make_settings
from tests.support.steps import assert_refused, bearer, me, refresh
from tests.unit.test_key_rings import ED25519, P256, pem
from webapp import create_app
from webapp.database import db
from webapp.keys import key_pairs, shared_key

PAIRS = {"EdDSA": ED25519, "ES256": P256}


def _by_hmac(key: bytes) -> Callable[[str, dict[str, Any], dict[str, Any]], str]:
    def make(_: str, header: dict[str, Any], claims: dict[str, Any]) -> str:
        return _signed({**header, "alg": "HS256"}, claims, lambda text: hmac.digest(key, text, "sha256"))

    return make


def _signed(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    text = b".".join(base64url_encode(json.dumps(part).encode()) for part in (header, claims))
    return (text + b"." + base64url_encode(sign(text))).decode()


def _public(encoding: Encoding, shape: PublicFormat, key: Any) -> bytes:
    return key.public_key().public_bytes(encoding, shape)


def _forgeries(algorithm: str) -> dict[str, Callable[[str, dict[str, Any], dict[str, Any]], str]]:
    """What a stranger who knows the public half can make of a token's text, header and claims."""
    key = PAIRS[algorithm]
    jwk = key_pairs(pem(key))[0].jwk or {}
    raw = PublicFormat.Raw if algorithm == "EdDSA" else PublicFormat.UncompressedPoint
    raw_encoding = Encoding.Raw if algorithm == "EdDSA" else Encoding.X962
    own = ed25519.Ed25519PrivateKey.generate() if algorithm == "EdDSA" else ec.generate_private_key(ec.SECP256R1())
    other = "ES256" if algorithm == "EdDSA" else "EdDSA"
    return {
        "T02 the public key in PEM as the secret of HS256": _by_hmac(
            _public(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo, key)
        ),
        "T02 its bytes": _by_hmac(_public(raw_encoding, raw, key)),
        "T02 its JWK": _by_hmac(json.dumps(jwk).encode()),
        "T02 its x": _by_hmac(jwk["x"].encode()),
        "T01 none": lambda _, header, claims: _signed({**header, "alg": "none"}, claims, lambda _: b""),
        "T01 none, with a signature": lambda text, header, claims: (
            _signed({**header, "alg": "none"}, claims, lambda _: b"").rstrip(".") + "." + text.rpartition(".")[2]
        ),
        "T03 another key": lambda _, header, claims: jwt.encode(claims, own, algorithm, headers=header),
        "T03 another key, shown in the header": lambda _, header, claims: jwt.encode(
            claims, own, algorithm, headers={**header, "jwk": key_pairs(pem(own))[0].jwk}
        ),
        "T02 the other algorithm": lambda _, header, claims: jwt.encode(
            claims, PAIRS[other], other, headers={**header, "alg": other}
        ),
        "T04 a signature of zeros": lambda _, header, claims: _signed(header, claims, lambda _: bytes(64)),
        "T04 changed claims": lambda text, header, claims: ".".join(
            (
                text.split(".")[0],
                base64url_encode(json.dumps({**claims, "sub": "2"}).encode()).decode(),
                text.split(".")[2],
            )
        ),
        "T04 no key id": lambda _, header, claims: jwt.encode(
            claims, key, algorithm, headers={name: value for name, value in header.items() if name != "kid"}
        ),
        "T04 the key id of SECRET_KEY": lambda _, header, claims: jwt.encode(
            claims, key, algorithm, headers={**header, "kid": shared_key(SECRET_KEY).id}
        ),
        "T04 the algorithm in lower case": lambda _, header, claims: _signed(
            {**header, "alg": algorithm.lower()}, claims, lambda text: b"x" * 64
        ),
    }


class Paired(NamedTuple):
    """An application whose access tokens a pair signs, and the tokens of a session there."""

    app: Flask
    algorithm: str
    access: str
    refresh: str


@pytest.fixture(scope="module", params=PAIRS)
def paired(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paired]:
    """One for the file, and on SQLite alone: what is refused here is refused before a database is asked."""
    url = fresh_database("sqlite", tmp_path_factory.mktemp("pair"))
    app = create_app(make_settings(database_url=url, jwt_signing_key=pem(PAIRS[request.param])))
    people.create_user(app)
    tokens = people.sign_in(app.test_client())
    yield Paired(app, request.param, tokens.access, tokens.refresh or "")
    with app.app_context():
        db.engine.dispose()


def test_who_has_the_private_half_signs_as_we_do(paired: Paired) -> None:
    """Without this, the refusals below would show nothing but a bad forger."""
    header, claims = jwt.get_unverified_header(paired.access), read(paired.access)
    text = jwt.encode({**claims, "jti": "x"}, PAIRS[paired.algorithm], paired.algorithm, headers=header)
    assert me(paired.app.test_client(), text) == 200


@pytest.mark.parametrize("name", _forgeries("EdDSA"))
def test_who_knows_the_public_half_can_forge_nothing(paired: Paired, name: str) -> None:
    """T01 to T04 where a key is public."""
    forge = _forgeries(paired.algorithm)[name]
    forged = forge(paired.access, jwt.get_unverified_header(paired.access), read(paired.access))
    assert_refused(paired.app.test_client().get("/api/me", headers=bearer(forged)), "invalid_token")


def test_the_pair_is_no_key_of_refresh_tokens(paired: Paired) -> None:
    """Whoever gets hold of it can sign access tokens, and renew none."""
    key = PAIRS[paired.algorithm]
    header = {**jwt.get_unverified_header(paired.refresh), "alg": paired.algorithm, "kid": key_pairs(pem(key))[0].id}
    forged = jwt.encode(read(paired.refresh), key, paired.algorithm, headers=header)
    assert_refused(refresh(paired.app.test_client(), forged), "invalid_token")
