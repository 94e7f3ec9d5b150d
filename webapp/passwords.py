"""Password hashing: argon2id at OWASP's parameters (m=19456 KiB, t=2, p=1), and what may be a password."""

import unicodedata
from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from webapp.errors import InvalidFields
from webapp.text import is_storable

MAX_LENGTH: Final = 1024
_hasher: Final = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


def hash_password(password: str) -> str:
    """Return the PHC string of `password`, which is compared in Unicode's NFC form and never shortened."""
    return _hasher.hash(_normalized(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether `password` is the one of the PHC string `stored`. None costs the same time and is never right."""
    try:
        return _hasher.verify(stored or _nobodys_hash(), _normalized(password)) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(stored: str) -> bool:
    """Whether `stored` was made with other parameters than the ones in force."""
    return _hasher.check_needs_rehash(stored)


def check_length(password: str, *, minimum: int) -> None:
    """Raise InvalidFields unless `password` is text that can be hashed, of `minimum` to 1024 code points."""
    if not is_storable(password):
        raise InvalidFields({"password": ["Use characters that can be typed."]})
    length = len(_normalized(password))
    if length < minimum:
        raise InvalidFields({"password": [f"Use at least {minimum} characters."]})
    if length > MAX_LENGTH:
        raise InvalidFields({"password": [f"Use at most {MAX_LENGTH} characters."]})


def _normalized(password: str) -> str:
    return unicodedata.normalize("NFC", password)


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    """A hash with the parameters in force, so that an unknown user costs what a known one costs."""
    return _hasher.hash("nobody has this password")
