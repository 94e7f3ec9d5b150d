"""The one clock of the product."""

import socket
from datetime import UTC, datetime, timedelta
from typing import Final

HOST: str = socket.gethostname()[:64]  # whose clock this is; no longer than the column of models.py
# How far apart the clocks of two hosts on one database may be: half a minute off, one either way.
HOSTS_APART: Final = timedelta(seconds=60)


def utc_now() -> datetime:
    """Return the current instant as an aware UTC datetime; read once a request and passed down as `now`."""
    return datetime.now(UTC)
