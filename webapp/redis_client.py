"""A client of Redis for an address as RATELIMIT_STORAGE_URI has it."""

from typing import Any


def make_client(uri: str, **options: Any) -> Any:
    """Return redis.Redis for the address; it connects when it is used."""
    # Imported here: it takes a fifth of a second, for which nobody waits whose limits are in memory.
    from redis import Redis  # noqa: PLC0415

    return Redis.from_url(uri.replace("redis+unix://", "unix://", 1), **options)


def check_address(uri: str) -> None:
    """Raise something if no connection could be made for the address, wherever it leads; none is opened."""
    make_client(uri).connection_pool.make_connection()
