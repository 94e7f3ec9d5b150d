"""An authenticator in software, which says what a test tells it to (WebAuthn level 3, §6), and its two ceremonies."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from webauthn.helpers import bytes_to_base64url, encode_cbor
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.settings import PUBLIC_URL

RP_ID = b"localhost"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One passkey: its id, how often it says that it has signed, and its key."""

    credential_id: bytes = b"an id"
    sign_count: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, challenge: str, *, fmt: str = "none", statement: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return a new credential, as `navigator.credentials.create` gives it."""
        data = self._said(ATTESTED) + bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id + self._key()
        attestation = encode_cbor({"fmt": fmt, "attStmt": statement or {}, "authData": data})
        said = _client_data("webauthn.create", challenge)
        return self._credential(clientDataJSON=said, attestationObject=attestation)

    def get(self, challenge: str) -> dict[str, Any]:
        """Return a signed challenge, as `navigator.credentials.get` gives it."""
        data, said = self._said(), _client_data("webauthn.get", challenge)
        signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential(clientDataJSON=said, authenticatorData=data, signature=signature)

    def _said(self, flags: int = 0) -> bytes:
        counted = self.sign_count.to_bytes(4)
        return hashlib.sha256(RP_ID).digest() + bytes([flags | PRESENT | VERIFIED]) + counted

    def _key(self) -> bytes:
        point = self.key.public_key().public_numbers()
        return encode_cbor({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)})

    def _credential(self, **response: bytes) -> dict[str, Any]:
        own_id = bytes_to_base64url(self.credential_id)
        answer = {name: bytes_to_base64url(data) for name, data in response.items()}
        return {"id": own_id, "rawId": own_id, "type": "public-key", "response": answer}


def _client_data(kind: str, challenge: str) -> bytes:
    return json.dumps({"type": kind, "challenge": challenge, "origin": PUBLIC_URL}).encode()


# --- the ceremonies, by the API --------------------------------------------------------------------------


def creation_challenge(session: people.SignedIn) -> str:
    return str(session.http.post("/api/passkeys/options", headers=session.bearer).json["challenge"])


def add(session: people.SignedIn, credential: dict[str, Any]) -> TestResponse:
    body = {"name": "Key", "credential": credential}
    return session.http.post("/api/passkeys", headers=session.bearer, json=body)


def sign_in_challenge(app: Flask) -> str:
    return str(app.test_client().post("/api/login/passkey/options").json["challenge"])


def sign_in(app: Flask, credential: dict[str, Any]) -> TestResponse:
    return app.test_client().post("/api/login/passkey", json={"credential": credential})
