"""What a browser sends of a passkey, read and checked before the library looks at it (WebAuthn level 3)."""

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from webapp import strict_json
from webapp.config import Settings

TRANSPORTS: Final = {"usb", "nfc", "ble", "internal", "hybrid", "smart-card", "cable"}


class ClientData(NamedTuple):
    """What the browser says of the ceremony; the library checks that it is what the key has signed."""

    challenge: str
    origin: str


@contextmanager
def reading() -> Iterator[None]:
    """Raise ValueError for whatever goes wrong in the reading of what a browser has sent."""
    try:
        yield
    except Exception:
        # Anybody may write it, in a dozen formats: what Python, OpenSSL and the library raise for it has no end.
        raise ValueError("no credential") from None


@reading()
def client_data(settings: Settings, credential: dict[str, Any]) -> ClientData:
    """Return challenge and origin of a ceremony. Raises ValueError if a foreign page held it."""
    values = strict_json.loads(to_bytes(credential["response"]["clientDataJSON"]))
    challenge, origin = values["challenge"], values["origin"]
    if not isinstance(challenge, str) or not isinstance(origin, str) or not settings.allows_origin(origin):
        raise ValueError("a ceremony of somebody else")
    return ClientData(challenge, origin)


def expected(settings: Settings, credential: dict[str, Any], said: ClientData) -> dict[str, Any]:
    """Return what the library is to verify of a ceremony, whichever it is."""
    return {
        "credential": credential,
        "expected_challenge": to_bytes(said.challenge),
        "expected_rp_id": site_id(settings),
        "expected_origin": said.origin,
        "require_user_verification": True,
    }


def site_id(settings: Settings) -> str:
    """Return what passkeys are bound to: our host (WebAuthn §5.1.2, the RP ID)."""
    return urlsplit(settings.base_url).hostname or ""


def handle_of(user_id: int) -> bytes:
    """Return by what an authenticator knows the user."""
    return f"user {user_id}".encode()


def to_bytes(text: str) -> bytes:
    """Return what base64url holds. Raises ValueError."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def to_text(data: bytes) -> str:
    """Return bytes in base64url."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def known_transports(credential: dict[str, Any]) -> list[str]:
    """Return what the browser says of how the passkey is reached: as far as it is known, each way once."""
    said = credential["response"].get("transports")
    names = {text for text in said if isinstance(text, str)} if isinstance(said, list) else set()
    return sorted(TRANSPORTS & names)
