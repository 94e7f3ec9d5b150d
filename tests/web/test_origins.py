"""Other origins: which may send the cookies (C01 to C03), and which may read answers (C07, C08)."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.cookies import FRIEND, cookies, login
from tests.support.steps import OWN, SAME_ORIGIN, bearer, client, csrf_token, me, refresh
from webapp.database import db
from webapp.models import AuthSession

pytestmark = pytest.mark.usefixtures("clock")

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


# --- who may send them -----------------------------------------------------------------------------------


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


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}], ids=str)
@pytest.mark.parametrize(
    "path", ["/api/login", "/api/login/passkey/options", "/api/login/passkey", "/api/register", "/api/password/forgot"]
)
def test_a_foreign_page_begins_nothing_in_the_browser_of_a_visitor(
    production: FlaskClient, path: str, headers: dict[str, str]
) -> None:
    """C05: neither a sign-in, to an account that is not the visitor's, nor a mail; whatever the body says."""
    refused = production.post(path, json={"email": people.EMAIL}, headers=headers)
    assert (refused.status_code, refused.json["code"]) == (403, "cross_origin")
    assert production.post(path, json={}, headers=SAME_ORIGIN).status_code in (200, 422)


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


def test_who_is_refused_for_its_origin_is_not_told_of_cookies_that_it_did_not_send(production: FlaskClient) -> None:
    refused = production.post("/api/login", json={}, headers={"Origin": "https://evil.example"})
    assert "cookie" not in f"{refused.json['title']} {refused.json['detail']}".lower()
    assert "origin" in refused.json["title"]


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


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, *({"Sec-Fetch-Site": site} for site in ("cross-site", "same-site"))]
)
def test_a_form_that_another_site_sent_is_refused_whatever_token_it_has(
    app: Flask, user_id: int, headers: dict[str, str]
) -> None:
    """C01: before its CSRF token is looked at, so that one that was stolen is worth nothing. Looking is free."""
    browser = app.test_client()
    page = browser.get("/login", headers=headers)
    assert page.status_code == 200
    form = {"csrf_token": csrf_token(page), "email": people.EMAIL, "password": people.PASSWORD}
    refused = browser.post("/login", data=form, headers=headers)
    assert refused.status_code == 403
    assert "Another site sent this form" in refused.text
    assert browser.post("/login", data={"csrf_token": "x"}, headers=headers).status_code == 403
    assert browser.post("/login", data=form, headers=SAME_ORIGIN).status_code == 303


@pytest.mark.parametrize("site", ["same-site", "cross-site", None])
def test_a_form_that_an_allowed_origin_sent_is_refused_too(production: FlaskClient, site: str | None) -> None:
    """C01, C11: it may call the API, which has nothing for administrators, and not act on the pages."""
    form = {"csrf_token": csrf_token(production.get("/login")), "email": people.EMAIL, "password": people.PASSWORD}
    headers = {"Origin": FRIEND, **({"Sec-Fetch-Site": site} if site else {})}
    assert production.post("/login", data=form, headers=headers).status_code == 403
    assert production.post("/login", data=form, headers={"Origin": "https://accounts.example.com"}).status_code == 303


def test_a_form_of_a_page_that_sends_no_referer_is_known_by_its_token_alone(production: FlaskClient) -> None:
    """C01: browsers say Origin: null then, and those before Fetch Metadata nothing else."""
    null = {"Origin": "null"}
    form = {"csrf_token": csrf_token(production.get("/login")), "email": people.EMAIL, "password": people.PASSWORD}
    assert production.post("/login", data=form | {"csrf_token": "x"}, headers=null).status_code == 400
    assert production.post("/login", data=form, headers={**null, "Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert production.post("/login", data=form, headers=null).status_code == 303
