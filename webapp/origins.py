"""Origins: scheme, host and port in the one spelling that browsers send (RFC 6454)."""

import re
from typing import Final

_ORIGIN: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII,
)
_DEFAULT_PORT: Final = {"http": 80, "https": 443}
_MAX_PORT: Final = 65535

# What development allows: a front end's own server, wherever it listens on this machine.
LOCALHOST: Final = re.compile(r"http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?\Z", re.ASCII)


def canonical_origin(text: str) -> str | None:
    """Return `text` without a default port, or None if it is more or less than an origin in lower case.

    Hosts are addresses or names, international ones in their xn-- form. Any scheme will do: the WebViews of apps have
    such as capacitor://localhost."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return None
    scheme, host, port = match["scheme"], match["host"], match["port"]
    if port is None or int(port) == _DEFAULT_PORT.get(scheme):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{int(port)}" if 0 < int(port) <= _MAX_PORT else None


def canonical_web_origin(text: str) -> str | None:
    """Return what `canonical_origin` does, or None if it is none of the web, which http and https lead to."""
    origin = canonical_origin(text)
    return origin if origin and origin.startswith(("http://", "https://")) else None
