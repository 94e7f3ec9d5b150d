"""Names of hosts know no case (RFC 9110 §4.2.3); Werkzeug compares the one of a request as it was written."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class HostInLowerCase:
    """WSGI middleware that spells the host of a request as PUBLIC_URL does."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if host := environ.get("HTTP_HOST"):
            environ["HTTP_HOST"] = host.lower()
        return self._app(environ, start_response)
