"""Limits per address: on, counted once for all workers, and Redis that really answers."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from webapp.config import Settings
from webapp.doctor.findings import Finding, fine, within, wrong
from webapp.doctor.places import is_near
from webapp.redis_client import make_client

PATIENCE: Final = 3.0  # seconds that Redis may take to answer


def examine(settings: Settings) -> Iterator[Finding]:
    is_in_memory = settings.ratelimit_storage_uri.startswith("memory")
    if not settings.ratelimit_enabled:
        yield wrong("limits-off", "off: set RATELIMIT_ENABLED=true, or passwords can be guessed freely")
    elif is_in_memory and settings.web_concurrency > 1:
        message = "limits per address count in each worker: set RATELIMIT_STORAGE_URI=redis://… for one count"
        yield wrong("limits-per-worker", message)
    elif is_in_memory:
        yield fine("limits", "on, counted in the memory of the one worker")
    else:
        yield from _examine_redis(settings.ratelimit_storage_uri)


def _examine_redis(uri: str) -> Iterator[Finding]:
    parts = urlsplit(uri)
    if parts.scheme == "redis" and not is_near(parts.hostname or ""):
        yield wrong("redis-plain", f"talk with {parts.hostname} in the clear: write rediss:// in RATELIMIT_STORAGE_URI")
    if parts.scheme != "redis+unix" and not parts.password and not is_near(parts.hostname or ""):
        message = f"Redis on {parts.hostname} lets everybody in: give it a password (requirepass in redis.conf)"
        yield wrong("redis-open", f"{message} and write redis://:password@{parts.hostname} in RATELIMIT_STORAGE_URI")
    try:
        within(PATIENCE, lambda: _ping(uri))
    except Exception as error:
        # Whatever it is, it would be the same for the product; the text may hold the address with its password.
        message = f"Redis does not serve us ({type(error).__name__}), and each worker counts for itself"
        yield wrong("redis-unreachable", f"{message}: check RATELIMIT_STORAGE_URI, its password, and that Redis runs")
    else:
        yield fine("limits", "on, counted in Redis, which answers")


def _ping(uri: str) -> None:
    # Imported here: it takes a fifth of a second, and whoever needs it to serve imports it there.
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    once = Retry(NoBackoff(), 0)
    with make_client(uri, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE, retry=once) as redis:
        redis.ping()
