"""What every answer leaves with: `X-New-Token`, caching rules, a line in the log, a count."""

import logging
import re
from time import perf_counter
from typing import Final

from flask import Flask, Response, g, request

from webapp import logs, metrics, session_notes, tokens
from webapp.database import db
from webapp.web.context import settings, this_g, this_request
from webapp.web.problems import is_for_program

log = logging.getLogger("webapp.requests")

# The one-time token in an address that a mail led to, however it is asked for: a wrong method, too many slashes.
_LINK_OF_MAIL: Final = re.compile(r"^(/+(?:verify|reset|undo|not-me)/+)[^/]+")


# Where one signs in, and by which means.
_SIGN_IN_DOORS: Final = {
    "auth_api.login": "password",
    "auth.submit_login": "password",
    "registration.submit_verification": "password",
    "auth.submit_code": "password",
    "passkeys_api.sign_in": "passkey",
}


def init_app(app: Flask) -> None:
    # Flask runs these last to first: a request is noted when everything else is settled.
    app.after_request(_note_request)
    app.after_request(_set_caching)
    app.after_request(_offer_new_token)


def _offer_new_token(response: Response) -> Response:
    """Method 1: renew an access token near its end; the guard decided, see sessions.due_renewal."""
    renewal = g.get("renewal")
    is_success = 200 <= response.status_code < 300  # noqa: PLR2004 - the 2xx class
    if renewal is not None and is_success and request.method not in ("HEAD", "OPTIONS"):
        response.headers["X-New-Token"] = tokens.mint_access(settings(), **renewal)
        session_notes.note_refresh(db.session, g.auth, "silent", client=g.client, now=g.now)
    return response


def _set_caching(response: Response) -> Response:
    asked, headers = this_request(), response.headers
    if _LINK_OF_MAIL.search(asked.path):
        headers["Referrer-Policy"] = "no-referrer"
    is_error = response.status_code >= 400  # noqa: PLR2004 - the classes of errors
    if asked.path.startswith("/static/") and not is_error:
        response.vary.add("Origin")  # front ends of other origins may import the JavaScript client
        return response
    if asked.endpoint == "health.public_keys" and not is_error:
        headers["Cache-Control"] = "public, max-age=300"  # as long as docs/operations.md says, Keys
        return response
    # Replacing, not adding: "public" or "must-revalidate" beside it would let a shared cache keep X-New-Token.
    headers["Cache-Control"] = "no-store"
    headers["Pragma"] = "no-cache"
    headers["Vary"] = "Origin, Authorization, Cookie" if is_for_program() else "Cookie"
    return response


def _note_request(response: Response) -> Response:
    """Log the request, and count it."""
    asked, notes, status = this_request(), this_g(), response.status_code
    client, auth, seconds = notes.client, notes.get("auth"), perf_counter() - notes.started
    method, rule = asked.method, asked.url_rule
    # Never a one-time token, nor the query string: it may carry what somebody took for a place for tokens.
    path = ascii(_LINK_OF_MAIL.sub(r"\1…", asked.path))[1:-1]
    fields = {
        "request_id": client.request_id,
        "method": method,
        "path": path,
        "status": status,
        "ms": round(seconds * 1000, 1),
        "address": client.address,
        "user_id": auth.user.id if auth else None,
        "session_id": auth.sid if auth else None,
        "renewed": "X-New-Token" in response.headers,
    }
    logs.note(log, f"{method} {path} {status} {fields['ms']} ms", fields)
    metrics.count_request(method, rule.rule if rule else None, status, seconds)
    if rule and rule.endpoint in _SIGN_IN_DOORS:
        metrics.count_sign_in(_SIGN_IN_DOORS[rule.endpoint], _sign_in_outcome())
    return response


def _sign_in_outcome() -> str:
    """Return "success", the code of what kept the user out, or "" if nobody has tried to sign in."""
    if outcome := g.get("sign_in_outcome"):
        return str(outcome)
    refusal = g.get("refusal")
    return str(refusal.code) if refusal else ""
