"""Other origins: which may read answers, and ask beforehand whether they may (C07, C08, C11)."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.cookies import FOREIGN, FRIEND, cookies, login
from tests.support.steps import client

pytestmark = pytest.mark.usefixtures("clock")


def test_no_other_origin_may_read_an_answer_or_ask_beforehand(production: FlaskClient) -> None:
    """C07, C08: never reflected, never `*`; `Vary: Origin` all the same."""
    for origin in [headers["Origin"] for headers in FOREIGN if headers.get("Origin")]:
        preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for reply in (
            production.get("/api/me", headers={"Origin": origin}),
            production.post("/api/login", json={}, headers={"Origin": origin}),
            production.options("/api/refresh", headers=preflight),
        ):
            assert (origin, [name for name, _ in reply.headers if name.startswith("Access-Control-")]) == (origin, [])
            assert "Origin" in reply.headers["Vary"]


@pytest.mark.parametrize("path", ["/api/me", "/api/login", "/api/nothing", "/static/js/evergreen/index.js"])
@pytest.mark.parametrize("origin", [FRIEND, "https://evil.example", None])
def test_every_answer_that_depends_on_the_origin_says_so(
    production: FlaskClient, path: str, origin: str | None
) -> None:
    """C07: or a cache gives the answer without the header to the front end that is allowed."""
    with production.get(path, headers={"Origin": origin} if origin else {}) as reply:
        assert "Origin" in reply.headers.get("Vary", "")
        assert reply.headers.get("Access-Control-Allow-Origin") == (origin if origin == FRIEND else None)


@pytest.mark.parametrize("path", ["/", "/login", "/account", "/api/docs", "/healthz", "/static/css/base.css"])
def test_pages_are_readable_by_no_other_origin(production: FlaskClient, path: str) -> None:
    """C11."""
    with production.get(path, headers={"Origin": FRIEND}) as reply:
        assert "Access-Control-Allow-Origin" not in reply.headers


def test_an_allowed_front_end_may_send_tokens_and_read_what_it_needs_of_every_answer(production: FlaskClient) -> None:
    """C07, N09: errors too, or a script sees a network error in place of a 401."""
    reply = production.get("/api/me", headers={"Origin": FRIEND})
    assert reply.status_code == 401
    assert reply.headers["Access-Control-Allow-Origin"] == FRIEND
    assert reply.headers["Access-Control-Allow-Credentials"] == "true"
    assert {"X-New-Token", "Retry-After"} <= set(reply.headers["Access-Control-Expose-Headers"].split(", "))


def test_the_webview_of_an_app_is_served_as_any_front_end_is(make_app: Callable[..., Flask]) -> None:
    """C07: by an origin of its own scheme, once it is on the list."""
    app = "capacitor://localhost"
    http = client(make_app, is_https=True, cors_origins=app)
    signed_in = http.post(
        "/api/login", json={"email": people.EMAIL, "password": people.PASSWORD}, headers={"Origin": app}
    )
    assert (signed_in.status_code, signed_in.headers["Access-Control-Allow-Origin"]) == (200, app)
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for origin, allowed in ((app, app), ("capacitor://localhost.evil", None), ("https://localhost", None)):
        reply = http.options("/api/refresh", headers={"Origin": origin, **preflight})
        assert reply.headers.get("Access-Control-Allow-Origin") == allowed
        assert http.post("/api/login", json={}, headers={"Origin": origin}).status_code == (422 if allowed else 403)


def test_a_preflight_lists_methods_and_headers_needs_no_token_and_does_nothing(production: FlaskClient) -> None:
    """C08."""
    login(production)
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}
    reply = production.options("/api/refresh", headers={"Origin": FRIEND, **asked})
    assert (reply.status_code, reply.headers["Access-Control-Allow-Origin"]) == (200, FRIEND)
    assert set(reply.headers["Access-Control-Allow-Methods"].split(", ")) == {"GET", "POST", "PATCH", "DELETE"}
    assert reply.headers["Access-Control-Allow-Headers"].lower() == "authorization, content-type"
    assert int(reply.headers["Access-Control-Max-Age"]) <= 7200
    assert cookies(reply) == {}
