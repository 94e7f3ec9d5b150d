"""Sealing what has to be read back: encrypted and authenticated (Fernet) under a key derived from SECRET_KEY."""

import base64
from functools import lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from webapp.config import Settings

_PURPOSE: Final = b"evergreen: secrets at rest"  # this key signs nothing, and no signing key opens what it seals


class SealBroken(Exception):
    """The text was sealed under another SECRET_KEY, or changed since."""


def seal(settings: Settings, text: str) -> str:
    """Return `text` encrypted, as URL-safe base64."""
    return _box(settings.secret_key.get_secret_value()).encrypt(text.encode()).decode()


def unseal(settings: Settings, sealed: str) -> str:
    """Return what was sealed. Raises SealBroken if it cannot be opened with SECRET_KEY."""
    try:
        return _box(settings.secret_key.get_secret_value()).decrypt(sealed).decode()
    except (InvalidToken, ValueError):
        raise SealBroken from None


@lru_cache(maxsize=4)
def _box(secret: str) -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(key))
