"""What every answer leaves with: `X-New-Token`, caching rules, security headers, a line in the log, a count."""

import logging
import re
from http import HTTPStatus
from time import perf_counter
from typing import Final

from flask import Flask, Response, g, request

from webapp import metrics, session_state, tokens
from webapp.database import db
from webapp.errors import InvalidCode, InvalidCredentials
from webapp.web.context import settings
from webapp.web.problems import is_for_program

log = logging.getLogger("webapp.requests")

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
# The one-time token in an address that a mail led to, however it is asked for: a wrong method, too many slashes.
_LINK_OF_MAIL: Final = re.compile(r"^(/+(?:verify|reset|undo|not-me)/+)[^/]+")


# Where one signs in: by which means, and what it means that a page shows its form again.
_SIGN_IN_DOORS: Final = {
    "auth_api.login": ("password", ""),
    "auth.submit_login": ("password", InvalidCredentials.code),
    "registration.submit_verification": ("password", InvalidCredentials.code),
    "auth.submit_code": ("password", InvalidCode.code),
    "passkeys_api.sign_in": ("passkey", ""),
}


def init_app(app: Flask) -> None:
    # Flask runs these last to first: the log line is written when everything else is settled.
    app.after_request(_count_request)
    app.after_request(_log_request)
    app.after_request(_set_security_headers)
    app.after_request(_set_caching)
    app.after_request(_offer_new_token)


def _offer_new_token(response: Response) -> Response:
    """Method 1: renew an access token near its end; the guard decided, see sessions.due_renewal."""
    renewal = g.get("renewal")
    is_success = 200 <= response.status_code < 300  # noqa: PLR2004 - the 2xx class
    if renewal is not None and is_success and request.method not in ("HEAD", "OPTIONS"):
        response.headers["X-New-Token"] = tokens.mint_access(settings(), **renewal)
        session_state.note_refresh(db.session, g.auth, "silent", client=g.client, now=g.now)
    return response


def _set_caching(response: Response) -> Response:
    if request.path.startswith("/static/"):
        response.vary.add("Origin")  # the JavaScript client may be imported by front ends of other origins
        return response
    # Replacing, not adding: "public" or "must-revalidate" beside it would let a shared cache keep X-New-Token.
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    response.vary.update(["Origin", "Authorization", "Cookie"] if is_for_program() else ["Cookie"])
    return response


def _set_security_headers(response: Response) -> Response:
    if _LINK_OF_MAIL.search(request.path):
        response.headers["Referrer-Policy"] = "no-referrer"
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if settings().is_https:
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return response


def _log_request(response: Response) -> Response:
    auth = g.get("auth")
    # Never a one-time token, nor the query string: it may carry what somebody took for a place for tokens.
    path = _LINK_OF_MAIL.sub(r"\1…", request.path)
    path, milliseconds = ascii(path)[1:-1], round((perf_counter() - g.started) * 1000, 1)
    fields = {
        "request_id": g.request_id,
        "method": request.method,
        "path": path,
        "status": response.status_code,
        "ms": milliseconds,
        "address": request.remote_addr,
        "user_id": auth.user.id if auth else None,
        "session_id": auth.sid if auth else None,
        "renewed": "X-New-Token" in response.headers,
    }
    line = f"{request.method} {path} {response.status_code} {milliseconds} ms"
    log.info("%s", line, extra={"fields": fields})
    return response


def _count_request(response: Response) -> Response:
    rule = request.url_rule
    seconds = perf_counter() - g.started
    metrics.count_request(request.method, rule.rule if rule else None, response.status_code, seconds)
    if rule and rule.endpoint in _SIGN_IN_DOORS:
        method, form_again = _SIGN_IN_DOORS[rule.endpoint]
        metrics.count_sign_in(method, _sign_in_outcome(response, form_again))
    return response


def _sign_in_outcome(response: Response, form_again: str) -> str:
    """Return "success", the code of what kept the user out, or "" if nobody has tried to sign in."""
    if outcome := g.get("sign_in_outcome"):
        return str(outcome)
    if refusal := g.get("refusal"):
        return str(refusal.code)
    return form_again if response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY else ""
