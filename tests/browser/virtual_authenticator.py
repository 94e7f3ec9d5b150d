"""Chromium's virtual authenticator (by CDP): a device with a fingerprint reader, which a test can make say no."""

import base64
import secrets
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask
from playwright.sync_api import CDPSession, Page

from tests.browser.site import Person
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import Passkey, User

INTERNAL = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
# A browser that knows passkeys but does not suggest them in fields: with a virtual authenticator a suggestion is
# taken at once, before a test could press the button.
NO_SUGGESTIONS = """if ("PublicKeyCredential" in self)
    PublicKeyCredential.isConditionalMediationAvailable = async () => false;"""


@dataclass
class VirtualAuthenticator:
    """The authenticator of one page, across all its navigations."""

    cdp: CDPSession
    id: str

    def verify_user(self, is_verified: bool) -> None:
        """Whether the finger fits from now on."""
        self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": is_verified})

    @property
    def credentials(self) -> list[dict[str, Any]]:
        return list(self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"])

    def forget(self) -> None:
        self.cdp.send("WebAuthn.clearCredentials", {"authenticatorId": self.id})


def plug_in(page: Page) -> VirtualAuthenticator:
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    added = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": INTERNAL})
    return VirtualAuthenticator(cdp, added["authenticatorId"])


def give_passkey(device: VirtualAuthenticator, app: Flask, person: Person, name: str = "Laptop") -> None:
    """Put a new key pair into the device and the database: for tests whose point comes after the adding."""
    key, credential_id = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(16)
    point = key.public_key().public_numbers()
    # COSE (RFC 9053 §7.1.1): an elliptic curve's key for ES256, on P-256, with its coordinates.
    cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
    with app.app_context():
        user_id = db.session.scalars(db.select(User.id).where(User.email == person.email)).one()
        passkey = Passkey(
            user_id=user_id,
            credential_id=base64.urlsafe_b64encode(credential_id).rstrip(b"=").decode(),
            public_key=cbor2.dumps(cose),
            sign_count=0,
            name=name,
            created_at=utc_now(),
        )
        db.session.add(passkey)
        db.session.commit()
    pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    credential = {
        "credentialId": base64.b64encode(credential_id).decode(),
        "isResidentCredential": True,
        "rpId": "localhost",
        "privateKey": base64.b64encode(pkcs8).decode(),
        "userHandle": base64.b64encode(f"user {user_id}".encode()).decode(),
        "signCount": 0,
    }
    device.cdp.send("WebAuthn.addCredential", {"authenticatorId": device.id, "credential": credential})
