"""Origins: scheme, host and port in the one spelling that browsers send (RFC 6454)."""

import re
from typing import Final

_ORIGIN: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII,
)
_DEFAULT_PORT: Final = {"http": 80, "https": 443}
_MAX_PORT: Final = 65535

# What development allows: a front end's own server, wherever it listens on this machine.
LOCALHOST: Final = re.compile(r"http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?\Z", re.ASCII)


def canonical_origin(text: str) -> str | None:
    """Return `text` without a default port, or None if it is more or less than an origin in lower case.

    Hosts are addresses or names, international ones in their xn-- form."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return None
    scheme, host, port = match["scheme"], match["host"], int(match["port"] or _DEFAULT_PORT[match["scheme"]])
    if not 0 < port <= _MAX_PORT:
        return None
    return f"{scheme}://{host}" if port == _DEFAULT_PORT[scheme] else f"{scheme}://{host}:{port}"
