"""What is different as it was written, and the same: hosts' names know no case (RFC 9110 §4.2.3), which Werkzeug's
comparison does; and some proxies write a client's port behind its address, another one for each connection."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


_WITH_PORT: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|(\d+(?:\.\d+){3}):\d+")


class HostInLowerCase:
    """WSGI middleware that spells the host of a request as PUBLIC_URL does."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if host := environ.get("HTTP_HOST"):
            environ["HTTP_HOST"] = host.lower()
        return self._app(environ, start_response)


class ClientWithoutPort:
    """WSGI middleware, below the one that believes a proxy, that takes the port from a client's address: with it every
    connection would count as a client of its own."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if found := _WITH_PORT.fullmatch(environ.get("REMOTE_ADDR") or ""):
            environ["REMOTE_ADDR"] = found[1] or found[2]
        return self._app(environ, start_response)
