"""What is risky, tried by program and by page, and the ways to prove again who one is."""

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import people, steps
from tests.support.steps import MINUTE, bearer, csrf_token

NOBODYS = "A" * 22  # the id of a session that is not there
FRESH = 15 * MINUTE
STALE = (403, "reauthentication_required")

# What is risky, and what it answers to whoever is fresh but has nothing there.
RISKY_CALLS: dict[tuple[str, str], tuple[int, str]] = {
    ("POST", "/api/me/totp"): (200, ""),
    ("POST", "/api/me/totp/confirm"): (422, "invalid_fields"),
    ("POST", "/api/me/recovery-codes"): (409, "second_factor_state"),
    ("POST", "/api/passkeys/options"): (200, ""),
    ("POST", "/api/passkeys"): (422, "invalid_fields"),
    ("DELETE", "/api/passkeys/1"): (404, "not_found"),
    ("DELETE", "/api/sessions"): (204, ""),
    ("DELETE", f"/api/sessions/{NOBODYS}"): (404, "not_found"),
    ("GET", "/api/me/data"): (200, ""),
}
RISKY_PAGES: dict[tuple[str, str], int] = {
    ("POST", "/account/security/totp/begin"): 303,
    ("GET", "/account/security/totp"): 200,
    ("POST", "/account/security/totp"): 422,
    ("POST", "/account/security/recovery-codes"): 409,
    ("POST", "/account/security/passkeys/1/remove"): 303,
    ("POST", "/account/sessions/end-others"): 303,
    ("POST", f"/account/sessions/{NOBODYS}/end"): 303,
    ("GET", "/account/data"): 200,
}


def call(session: people.SignedIn, method: str, path: str, token: str | None = None) -> tuple[int, str]:
    body: dict[str, str] | None = None if method == "GET" else {}
    headers = bearer(token or session.access)
    reply = session.http.open(path, method=method, json=body, headers=headers)
    return reply.status_code, (reply.json or {}).get("code", "")


def is_fresh(session: people.SignedIn, token: str | None = None) -> bool:
    return {(200, ""): True, STALE: False}[call(session, "GET", "/api/me/data", token)]


def reauthenticate(session: people.SignedIn, password: str = people.PASSWORD) -> TestResponse:
    return session.http.post("/api/me/reauthenticate", json={"password": password}, headers=session.bearer)


def visit(http: FlaskClient, method: str, path: str, **headers: str) -> TestResponse:
    """Open a page, or send its form as the page itself would."""
    data = {} if method == "GET" else {"csrf_token": csrf_token(http.get("/account"))}
    return http.open(path, method=method, data=data, headers=headers)


def confirm(http: FlaskClient, location: str, password: str = people.PASSWORD, **fields: str) -> TestResponse:
    """Open the page that asks for the password, and send its form."""
    page = http.get(location)
    form = {
        "csrf_token": csrf_token(page),
        "next": steps.attribute(steps.field(page, "next"), "value"),
        "password": password,
    }
    return http.post("/account/confirm", data={**form, **fields})
