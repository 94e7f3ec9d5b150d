"""Keys: what a key must be, what it is called, which ones sign and verify tokens, where development keeps its own."""

import base64
import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

MIN_BYTES: Final = 32  # HS256 asks for a key of at least the hash's size (RFC 7518 §3.2)
MIN_DISTINCT_CHARACTERS: Final = 8
_PLACEHOLDERS: Final = re.compile(r"change.?me|change.?this|replace.?me|your.?secret|insert.?your", re.IGNORECASE)
_PEM_BLOCK: Final = re.compile(r"-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----")


def key_problems(key: str, *, is_production: bool) -> list[str]:
    """Return what is wrong with a key, in words that follow its name; an empty list if it may sign."""
    if not key:
        return [
            "is missing: set at least 32 random bytes, such as `openssl rand -base64 48` prints"
            " (or APP_ENV=development, to look around)"
        ]
    if len(key.encode()) < MIN_BYTES:
        return [f"is too short: at least {MIN_BYTES} bytes are needed"]
    is_guessable = len(set(key)) < MIN_DISTINCT_CHARACTERS or _PLACEHOLDERS.search(key)
    if is_guessable and is_production:
        return ["is guessable: use random bytes, not words or repeated characters"]
    return []


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A key of tokens: its `kid`, the one algorithm it is for, and the two sides of it; a pair has a public JWK."""

    id: str
    algorithm: str
    signs_with: Any
    verifies_with: Any
    jwk: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class KeyRing:
    """The keys of one kind of token: the first signs, all of them verify."""

    keys: tuple[Key, ...]

    @property
    def signing(self) -> Key:
        return self.keys[0]

    def find(self, kid: object) -> Key | None:
        """Return the key that a token's header names, whatever it holds there."""
        return next((key for key in self.keys if key.id == kid), None)


def shared_key(secret: str) -> Key:
    """Return the HS256 key that `secret` is; its `kid` is cut to 48 bits, which is enough to tell keys."""
    jwk = {"k": base64.urlsafe_b64encode(secret.encode()).rstrip(b"=").decode(), "kty": "oct"}
    return Key(_thumbprint(jwk, size=6), "HS256", secret, secret)


def key_pairs(text: str) -> tuple[Key, ...]:
    """Return the keys of one PEM block after the other, whose lines may be parted by a written `\\n`.

    Raises ValueError, in words that follow the setting's name, unless each is a private key on Ed25519 or P-256."""
    pem = text.replace("\\n", "\n")
    blocks = _PEM_BLOCK.findall(pem)
    if not blocks or _PEM_BLOCK.sub("", pem).strip():
        raise ValueError("must be private keys in PEM, one after the other, as `keys new --signing ed25519` prints")
    return tuple(_key_pair(block) for block in blocks)


def _key_pair(pem: str) -> Key:
    try:
        private = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("holds a block that is no private key in PEM, or one with a passphrase") from None
    if isinstance(private, Ed25519PrivateKey):
        algorithm, jwk = "EdDSA", OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    elif isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP256R1):
        algorithm, jwk = "ES256", ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    else:
        raise ValueError("must be of Ed25519 or P-256")
    required = {name: str(value) for name, value in jwk.items() if name in ("crv", "kty", "x", "y")}
    kid = _thumbprint(required)
    return Key(kid, algorithm, private, private.public_key(), {**required, "kid": kid, "alg": algorithm, "use": "sig"})


def _thumbprint(jwk: Mapping[str, str], *, size: int = 32) -> str:
    """Return a key's name made of itself (RFC 7638): `size` bytes of a hash over its required members, in base64url."""
    digest = hashlib.sha256(json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()).digest()
    return base64.urlsafe_b64encode(digest[:size]).rstrip(b"=").decode()


def kept_secret_key(folder: Path) -> str:
    """Return the development key kept in `folder`/secret_key (mode 0600), making it on first use.

    Raises ValueError, which names the file, if it holds anything else than a key."""
    path = folder / "secret_key"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        with NamedTemporaryFile("w", dir=folder, encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            # A link appears whole and only once: of two processes that start together, one key wins.
            with suppress(FileExistsError):
                os.link(file.name, path)
    key = path.read_text(encoding="ascii", errors="replace").strip()  # what is not ASCII becomes U+FFFD, and shows
    if not key.isascii() or key_problems(key, is_production=False):
        raise ValueError(f"{path} holds no key of {MIN_BYTES} bytes or more: delete it, and a new one is made")
    return key
