"""Sealing what has to be read back: encrypted and authenticated (Fernet) under a key derived from SECRET_KEY."""

import base64
from functools import lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from webapp.config import Settings

_PURPOSE: Final = b"evergreen: secrets at rest"  # this key signs nothing, and no signing key opens what it seals


class SealBroken(Exception):
    """The text was sealed under another SECRET_KEY, or changed since."""


def seal(settings: Settings, text: str) -> str:
    """Return `text` encrypted, as URL-safe base64."""
    return _box(settings.secrets[0]).encrypt(text.encode()).decode()


def unseal(settings: Settings, sealed: str) -> str:
    """Return what was sealed. Raises SealBroken if neither SECRET_KEY nor a key before it opens it."""
    return _open(settings.secrets, sealed)


def is_sealed_anew(settings: Settings, sealed: str) -> bool:
    """Whether SECRET_KEY alone opens what was sealed, so that the keys before it are not needed for it."""
    try:
        _open(settings.secrets[:1], sealed)
    except SealBroken:
        return False
    return True


def _open(secrets: tuple[str, ...], sealed: str) -> str:
    try:
        return MultiFernet([_box(secret) for secret in secrets]).decrypt(sealed).decode()
    except (InvalidToken, ValueError):
        raise SealBroken from None


@lru_cache(maxsize=4)
def _box(secret: str) -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(key))
