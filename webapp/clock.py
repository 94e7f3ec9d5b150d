"""The one clock of the product."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current instant as an aware UTC datetime; read once a request and passed down as `now`."""
    return datetime.now(UTC)
