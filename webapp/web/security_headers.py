"""Headers that every answer leaves with, whatever made it: a view, an error, a file; and one that some must not."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
FOR_HTTPS: Final = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


class SecurityHeaders:
    """WSGI middleware that adds the headers which an answer does not have, and takes the type from one without body."""

    def __init__(self, app: "WSGIApplication", *, is_https: bool) -> None:
        self._app = app
        self._headers = {header[0].lower(): header for header in (HEADERS | (FOR_HTTPS if is_https else {})).items()}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            present = {name.lower() for name, _ in headers}
            if status.startswith("204"):  # Flask calls nothing at all text/html
                headers = [header for header in headers if header[0].lower() != "content-type"]
            headers += [header for name, header in self._headers.items() if name not in present]
            return start_response(status, headers, exc_info)

        return self._app(environ, start)
