"""What can be made of a token by who knows no more than the public half of the pair that signed it (T01 to T04)."""

import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.utils import base64url_encode

from tests.support.key_pairs import ED25519, P256, pem
from tests.support.settings import SECRET_KEY
from webapp.keys import key_pairs, shared_key

PAIRS = {"EdDSA": ED25519, "ES256": P256}
Forgery = Callable[[str, dict[str, Any], dict[str, Any]], str]


def by_hmac(key: bytes) -> Forgery:
    def make(_: str, header: dict[str, Any], claims: dict[str, Any]) -> str:
        return signed({**header, "alg": "HS256"}, claims, lambda text: hmac.digest(key, text, "sha256"))

    return make


def signed(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    text = b".".join(base64url_encode(json.dumps(part).encode()) for part in (header, claims))
    return (text + b"." + base64url_encode(sign(text))).decode()


def _public_bytes(encoding: Encoding, shape: PublicFormat, key: Any) -> bytes:
    return key.public_key().public_bytes(encoding, shape)


def forgeries(algorithm: str) -> dict[str, Forgery]:
    """What a stranger who knows the public half can make of a token's text, header and claims."""
    key = PAIRS[algorithm]
    jwk = key_pairs(pem(key))[0].jwk or {}
    raw = PublicFormat.Raw if algorithm == "EdDSA" else PublicFormat.UncompressedPoint
    raw_encoding = Encoding.Raw if algorithm == "EdDSA" else Encoding.X962
    own = ed25519.Ed25519PrivateKey.generate() if algorithm == "EdDSA" else ec.generate_private_key(ec.SECP256R1())
    other = "ES256" if algorithm == "EdDSA" else "EdDSA"
    return {
        "T02 the public key in PEM as the secret of HS256": by_hmac(
            _public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo, key)
        ),
        "T02 its bytes": by_hmac(_public_bytes(raw_encoding, raw, key)),
        "T02 its JWK": by_hmac(json.dumps(jwk).encode()),
        "T02 its x": by_hmac(jwk["x"].encode()),
        "T01 none": lambda _, header, claims: signed({**header, "alg": "none"}, claims, lambda _: b""),
        "T01 none, with a signature": lambda text, header, claims: (
            signed({**header, "alg": "none"}, claims, lambda _: b"").rstrip(".") + "." + text.rpartition(".")[2]
        ),
        "T03 another key": lambda _, header, claims: jwt.encode(claims, own, algorithm, headers=header),
        "T03 another key, shown in the header": lambda _, header, claims: jwt.encode(
            claims, own, algorithm, headers={**header, "jwk": key_pairs(pem(own))[0].jwk}
        ),
        "T02 the other algorithm": lambda _, header, claims: jwt.encode(
            claims, PAIRS[other], other, headers={**header, "alg": other}
        ),
        "T04 a signature of zeros": lambda _, header, claims: signed(header, claims, lambda _: bytes(64)),
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
        "T04 the algorithm in lower case": lambda _, header, claims: signed(
            {**header, "alg": algorithm.lower()}, claims, lambda text: b"x" * 64
        ),
    }
