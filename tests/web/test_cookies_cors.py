"""The cookies (H03, H04, V09), who may send them (C01 to C03), and which origins may read answers (C07, C08)."""

import base64
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import forge, people
from tests.support.steps import DAY, OWN, SAME_ORIGIN, bearer, https_client, me, refresh, sign_in_by_form
from webapp.database import db
from webapp.models import AuthSession

FRIEND = "https://app.example"
PRODUCTION = {"app_env": "production", "public_url": OWN, "cors_origins": FRIEND}


pytestmark = pytest.mark.usefixtures("clock")


def client_of(make_app: Callable[..., Flask], *, is_https: bool, use_cookies: bool = True) -> FlaskClient:
    """Return a client of the product as it is served in production over https, or in development over http."""
    app = make_app(**(PRODUCTION if is_https else {}))
    people.create_user(app)
    return https_client(app, use_cookies=use_cookies) if is_https else app.test_client(use_cookies=use_cookies)


@pytest.fixture
def production(make_app: Callable[..., Flask]) -> FlaskClient:
    return client_of(make_app, is_https=True)


def cookies(reply: TestResponse) -> dict[str, Morsel[str]]:
    """Return the cookies that an answer sets."""
    found: dict[str, Morsel[str]] = {}
    for line in reply.headers.getlist("Set-Cookie"):
        found.update(SimpleCookie(line))
    return found


def attributes(cookie: Morsel[str]) -> dict[str, object]:
    """Return the attributes of a cookie, without `expires`, which says what `max-age` says."""
    return {name: value for name, value in cookie.items() if value and name != "expires"}


def login(http: FlaskClient, **fields: Any) -> TestResponse:
    credentials = {"email": people.EMAIL, "password": people.PASSWORD, "transport": "cookie"}
    return http.post("/api/login", json={**credentials, **fields})


# --- attributes ------------------------------------------------------------------------------------------


def test_the_refresh_cookie_in_production_is_host_bound_secure_and_hidden_from_scripts(production: FlaskClient) -> None:
    """H03: no Domain; Max-Age is the life of the token."""
    cookie = cookies(login(production))["__Host-refresh_token"]
    assert attributes(cookie) == {
        "path": "/", "secure": True, "httponly": True, "samesite": "Lax", "max-age": str(30 * DAY),
    }  # fmt: skip
    assert len(cookie.key) + len(cookie.value) < 4096
    assert forge.read(cookie.value)["gen"] == 1


def test_the_refresh_cookie_in_development_works_over_plain_http(http: FlaskClient, user_id: int) -> None:
    """H03: no `__Host-` and no Secure, or no browser would keep it."""
    cookie = cookies(login(http))["refresh_token"]
    assert attributes(cookie) == {"path": "/", "httponly": True, "samesite": "Lax", "max-age": str(30 * DAY)}


def test_a_sign_in_by_form_sets_the_same_cookie(http: FlaskClient, user_id: int) -> None:
    """H03."""
    cookie = cookies(sign_in_by_form(http))["refresh_token"]
    assert attributes(cookie) == {"path": "/", "httponly": True, "samesite": "Lax", "max-age": str(30 * DAY)}


def test_the_cookie_lives_as_long_as_its_token_which_is_never_longer_than_the_session(
    http: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    """H03, R10: on the day before the session's end one day is left."""
    cookie = cookies(login(http))["refresh_token"]
    clock.shift(29 * DAY)
    cookie = cookies(refresh(http, cookie.value, "cookie"))["refresh_token"]
    assert cookie["max-age"] == str(DAY)
    assert forge.read(cookie.value)["exp"] == int(datetime.now(UTC).timestamp()) + DAY


@pytest.mark.parametrize("door", ["api", "form"])
def test_a_device_that_is_not_to_be_remembered_forgets_when_its_browser_closes(
    http: FlaskClient, user_id: int, door: str
) -> None:
    """The contract: no Max-Age, and it stays so after a refresh."""
    reply = login(http, remember=False) if door == "api" else sign_in_by_form(http, remember="")
    for _ in range(3):
        cookie = cookies(reply)["refresh_token"]
        assert (cookie["max-age"], cookie["expires"]) == ("", "")
        reply = refresh(http, cookie.value, "cookie")


def test_without_refresh_tokens_the_cookie_of_the_pages_lives_as_long_as_an_access_token(
    make_app: Callable[..., Flask],
) -> None:
    """The contract's REFRESH_TOKEN_ENABLED=false."""
    app = make_app(refresh_token_enabled=False)
    people.create_user(app)
    assert cookies(login(app.test_client()))["refresh_token"]["max-age"] == str(DAY)


@pytest.mark.parametrize("how", ["api", "page", "reuse"])
@pytest.mark.parametrize("is_https", [True, False])
def test_the_cookie_is_taken_away_with_the_attributes_it_was_set_with(
    make_app: Callable[..., Flask], clock: time_machine.Traveller, how: str, is_https: bool
) -> None:
    """V09: a browser ignores the deletion of a `__Host-` cookie without Secure and Path=/."""
    http = client_of(make_app, is_https=is_https, use_cookies=False)
    name = "__Host-refresh_token" if is_https else "refresh_token"
    first = cookies(login(http))[name].value
    sent = {**SAME_ORIGIN, "Cookie": f"{name}={first}"}
    if how == "reuse":
        second = cookies(http.post("/api/refresh", headers=sent))[name].value
        http.post("/api/refresh", headers={**sent, "Cookie": f"{name}={second}"})
        clock.shift(60)
        reply = http.post("/api/refresh", headers=sent)
    else:
        reply = http.post("/api/logout", headers=sent)
    if how == "page":
        reply = http.get("/account", headers=sent)
    gone = cookies(reply)[name]
    assert (gone.value, gone["max-age"]) == ("", "0")
    assert parsedate_to_datetime(gone["expires"]).timestamp() <= 0
    assert (gone["path"], gone["httponly"], gone["samesite"], gone["domain"]) == ("/", True, "Lax", "")
    assert bool(gone["secure"]) is is_https


@pytest.mark.parametrize("is_https", [True, False])
def test_the_cookie_of_the_forms_has_the_same_attributes_and_holds_nothing_personal(
    make_app: Callable[..., Flask], is_https: bool
) -> None:
    """H04: it is signed, not encrypted."""
    http = client_of(make_app, is_https=is_https)
    login(http)
    cookie = cookies(http.get("/account"))["__Host-session" if is_https else "session"]
    expected = {"path": "/", "httponly": True, "samesite": "Lax", **({"secure": True} if is_https else {})}
    assert attributes(cookie) == expected
    payload = cookie.value.lstrip(".").split(".")[0]
    data = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    text = (zlib.decompress(data) if cookie.value.startswith(".") else data).decode()
    assert "csrf_token" in text
    assert not any(secret in text for secret in (people.EMAIL, "John", "Doe", "eyJ"))


# --- who may send them -----------------------------------------------------------------------------------

FOREIGN = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "Same-Origin"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "https://evil.accounts.example.com"},
    {"Origin": "https://accounts.example.com.evil.example"},
    {"Origin": "http://accounts.example.com"},
    {"Origin": "https://accounts.example.com:8443"},
    {"Origin": "https://app.example.evil"},
    {"Origin": "https://APP.example"},
    {"Origin": "http://localhost:5173"},
    {"Origin": f"{FRIEND}, https://evil.example"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.accounts.example.com", "Sec-Fetch-Site": "same-site"},
    {"Referer": f"{OWN}/account"},
    {"X-Requested-With": "XMLHttpRequest"},
]


@pytest.mark.parametrize("path", ["/api/refresh", "/api/logout"])
def test_a_cookie_from_a_foreign_origin_is_refused_and_nothing_happens(production: FlaskClient, path: str) -> None:
    """C01, C03, R07: nothing is rotated, nothing is cleared, the session lives on."""
    access = login(production).json["access_token"]
    for headers in FOREIGN:
        refused = production.post(path, headers=headers)
        assert (headers, refused.status_code, refused.json["code"]) == (headers, 403, "cross_origin")
        assert cookies(refused) == {}
        with production.application.app_context():
            row = db.session.query(AuthSession).one()
            assert (headers, row.generation, row.revoked_at) == (headers, 1, None)
        assert me(production, access) == 200
    assert production.post("/api/refresh", headers=SAME_ORIGIN).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [SAME_ORIGIN, {"Origin": OWN}, {"Origin": FRIEND}, {"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"}],
    ids=str,
)
@pytest.mark.parametrize("path", ["/api/refresh", "/api/logout"])
def test_our_own_pages_and_allowed_front_ends_may_use_the_cookie(
    production: FlaskClient, path: str, headers: dict[str, str]
) -> None:
    """C01."""
    login(production)
    assert production.post(path, headers=headers).status_code in (200, 204)


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "application/xml"])
@pytest.mark.parametrize("path", ["/api/refresh", "/api/logout"])
def test_bodies_that_need_no_preflight_do_not_get_past_the_origin_rule(
    production: FlaskClient, path: str, content_type: str
) -> None:
    """C01: the classic cross-site form post."""
    login(production)
    refused = production.post(
        path, data="x=1", headers={"Origin": "https://evil.example", "Content-Type": content_type}
    )  # fmt: skip
    assert refused.status_code in (403, 415)
    assert cookies(refused) == {}
    assert production.post("/api/refresh", headers=SAME_ORIGIN).status_code == 200


def test_programs_that_send_no_origin_may_use_bearer_and_body(production: FlaskClient) -> None:
    """C02."""
    token = login(production, transport="body").json["refresh_token"]
    assert refresh(production, token, "bearer").status_code == 200
    assert refresh(production, token, "body").status_code == 200
    assert production.post("/api/logout", headers=bearer(token)).status_code == 204


# --- which origins may read answers ----------------------------------------------------------------------


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


@pytest.mark.parametrize("path", ["/", "/login", "/account", "/healthz", "/static/css/base.css"])
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
