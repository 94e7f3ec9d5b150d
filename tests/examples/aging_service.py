"""The service of examples/resource-server, whose public keys age as a test tells: the file SERVICE_CLOCK holds seconds.

Only what PyJWT's client takes for the time of its fetches is moved; tokens expire by the machine's clock."""

import os
from pathlib import Path
from types import SimpleNamespace

import jwt.jwk_set_cache
import jwt.jwks_client
from app import app  # examples/resource-server is the working directory

_file = Path(os.environ["SERVICE_CLOCK"])


def _monotonic() -> float:
    return float(_file.read_text())


jwt.jwks_client.time = jwt.jwk_set_cache.time = SimpleNamespace(monotonic=_monotonic)  # type: ignore[attr-defined]

__all__ = ["app"]
