"""Signing keys: what a key must be, what it is called, and where development keeps its own."""

import base64
import hashlib
import json
import os
import re
import secrets
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

MIN_BYTES: Final = 32  # HS256 asks for a key of at least the hash's size (RFC 7518 §3.2)
MIN_DISTINCT_CHARACTERS: Final = 8
_PLACEHOLDERS: Final = re.compile(r"change.?me|change.?this|replace.?me|your.?secret|insert.?your", re.IGNORECASE)


def key_problems(key: str, *, is_production: bool) -> list[str]:
    """Return what is wrong with a key, in words that follow its name; an empty list if it may sign."""
    if not key:
        return ["is missing: set at least 32 random bytes, such as `openssl rand -base64 48` prints"]
    if len(key.encode()) < MIN_BYTES:
        return [f"is too short: at least {MIN_BYTES} bytes are needed"]
    is_guessable = len(set(key)) < MIN_DISTINCT_CHARACTERS or _PLACEHOLDERS.search(key)
    if is_guessable and is_production:
        return ["is guessable: use random bytes, not words or repeated characters"]
    return []


@lru_cache(maxsize=16)
def key_id(secret: str) -> str:
    """Return the `kid` of a key: its JWK thumbprint (RFC 7638), shortened to 48 bits, which is enough to tell keys."""
    key = base64.urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
    jwk = json.dumps({"k": key, "kty": "oct"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(jwk.encode()).digest()[:6]).decode()


def kept_secret_key(folder: Path) -> str:
    """Return the development key kept in `folder`/secret_key (mode 0600), making it on first use."""
    path = folder / "secret_key"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        with NamedTemporaryFile("w", dir=folder, encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            # A link appears whole and only once: of two processes that start together, one key wins.
            with suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text(encoding="ascii").strip()
