"""The headers of every answer, whatever its route and status (H01, H02, H05 to H07, H11)."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.databases import fresh_database
from tests.support.steps import SAME_ORIGIN, bearer, client, submit
from webapp.web.api import products

MUCH = b"x" * 70_000  # more than a body may have
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
EXPECTED = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: no header depends on the engine."""
    return fresh_database("sqlite", tmp_path)


def answers(http: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, str, TestResponse]]:
    """Yield an answer of every kind of route with every status that the product gives, and the status expected."""
    login = {"email": people.EMAIL, "password": people.PASSWORD}
    tokens = http.post("/api/login", json={**login, "transport": "body"})
    access, refresh = bearer(tokens.json["access_token"]), bearer(tokens.json["refresh_token"])
    yield 200, "refresh by bearer", http.post("/api/refresh", headers=refresh)
    yield 200, "sign-in", http.post("/api/login", json={**login, "transport": "cookie"})
    for path in ("/", "/account", "/account/sessions", "/account/tokens"):
        yield 200, path, http.get(path)
    yield 303, "/login when signed in", http.get("/login")
    yield 200, "refresh by cookie", http.post("/api/refresh", headers=SAME_ORIGIN)
    yield 403, "refresh from nowhere", http.post("/api/refresh")
    http.delete_cookie("refresh_token")
    http.delete_cookie("__Host-refresh_token", domain="accounts.example.com")
    for path in ("/api/me", "/api/sessions", "/api/products", "/healthz", "/readyz"):
        yield 200, path, http.get(path, headers=access)
    yield 200, "/login", http.get("/login")
    yield 303, "/account when signed out", http.get("/account")
    yield 200, "preflight", http.options("/api/me")
    yield 400, "/api/products", http.get("/api/products?page=x", headers=access)
    yield 400, "a form without its token", http.post("/login")
    yield 400, "not JSON", http.post("/api/login", data="{", content_type="application/json")
    yield 401, "/api/me", http.get("/api/me")
    yield 401, "a bad token", http.get("/api/me", headers=bearer("x"))
    yield 401, "wrong password", http.post("/api/login", json={**login, "password": "wrong"})
    yield 404, "/nothing", http.get("/nothing")
    yield 404, "/api/nothing", http.get("/api/nothing")
    yield 405, "/api/login", http.get("/api/login")
    yield 405, "/logout", http.put("/logout")
    yield 413, "/api/login", http.post("/api/login", data="x" * 66_000, content_type="application/json")
    yield 413, "/login", http.post("/login", data={"email": "x" * 66_000})
    yield 415, "/api/login", http.post("/api/login", data="x")
    yield 422, "/api/login", http.post("/api/login", json={})
    yield 204, "sign-out", http.post("/api/logout", headers=access)
    access = bearer(http.post("/api/login", json={**login, "transport": "body"}).json["access_token"])
    with monkeypatch.context() as patched:
        patched.setattr(products.catalog, "list_products", lambda *_, **__: 1 / 0)
        yield 500, "/api/products", http.get("/api/products", headers=access)
        patched.setattr(products.catalog, "list_products", outage)
        yield 503, "/api/products", http.get("/api/products", headers=access)


def outage(*_: object, **__: object) -> None:
    raise OperationalError("SELECT", {}, Exception("gone"))


def static(http: FlaskClient) -> Iterator[tuple[int, str, TestResponse]]:
    with http.get("/static/css/base.css") as found:
        yield 200, "static", found
        with http.get("/static/css/base.css", headers={"If-None-Match": found.headers["ETag"]}) as unchanged:
            yield 304, "static", unchanged
    yield 404, "static", http.get("/static/nothing.js")
    yield 404, "kept", http.get("/static/v-any/nothing.js")


# --- everywhere ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_https", [True, False])
def test_every_answer_of_every_status_carries_the_security_headers(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, is_https: bool
) -> None:
    """H06, H07, H11; H05: HSTS on https, and on https only."""
    http = client(make_app, is_https=is_https)
    seen = set()
    for expected, what, reply in [*answers(http, monkeypatch), *static(http)]:
        assert (what, reply.status_code) == (what, expected)
        seen.add(expected)
        for name, value in EXPECTED.items():
            assert (what, expected, reply.headers.getlist(name)) == (what, expected, [value])
        hsts = reply.headers.get("Strict-Transport-Security", "")
        assert bool(hsts) is is_https, what
        if is_https:
            assert int(re.search(r"max-age=(\d+)", hsts).group(1)) >= 31_536_000
            assert "includeSubDomains" in hsts
    assert seen == {200, 204, 303, 304, 400, 401, 403, 404, 405, 413, 415, 422, 500, 503}


def test_a_refused_attempt_carries_them_too(make_app: Callable[..., Flask]) -> None:
    """H07: 429, of the API and of the pages."""
    http = client(make_app, ratelimit_enabled=True)
    wrong = {"email": people.EMAIL, "password": "wrong"}
    for _ in range(10):
        http.post("/api/login", json=wrong)
    for reply in (http.post("/api/login", json=wrong), submit(http, "/login", wrong)):
        assert reply.status_code == 429
        assert {name: reply.headers[name] for name in EXPECTED} == EXPECTED
        assert reply.headers["Cache-Control"] == "no-store"


def test_an_answer_without_a_body_has_no_type(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 9110 §8.3: a type is that of a body."""
    for status, what, reply in answers(client(make_app, is_https=True), monkeypatch):
        assert ("Content-Type" in reply.headers) is (status != 204), what


@pytest.mark.parametrize("host", ["evil.example", "accounts.example.com.evil.example", ""])
@pytest.mark.parametrize("path", ["/login", "/api/me"])
def test_another_host_is_refused_as_a_bad_request(make_app: Callable[..., Flask], host: str, path: str) -> None:
    """P03, H07: there is PUBLIC_URL's host, and this machine's own names; and the refusal is an ordinary answer."""
    http = client(make_app, is_https=True)
    foreign = {"Host": host, "Origin": "https://evil.example"}
    for reply in (
        http.get(path, headers={"Host": host}),
        http.post(path, headers=foreign),
        http.post(path, headers=foreign, data=MUCH),
    ):
        assert reply.status_code == 400
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_the_case_of_the_host_does_not_matter(make_app: Callable[..., Flask]) -> None:
    """RFC 9110 §4.2.3."""
    assert client(make_app, is_https=True).get("/login", headers={"Host": "ACCOUNTS.example.com"}).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "localhost:8000"])
def test_whoever_watches_the_service_from_its_own_machine_is_answered(
    make_app: Callable[..., Flask], host: str
) -> None:
    """P03: no mail goes by the name that was asked for."""
    assert client(make_app, is_https=True).get("/readyz", headers={"Host": host}).status_code == 200


# --- caching ---------------------------------------------------------------------------------------------


def test_an_error_is_not_stored_where_the_answer_would_be(make_app: Callable[..., Flask]) -> None:
    """H01, H02: nor has it a place in a cache that everybody shares."""
    http = client(make_app)
    for path, sent in (
        ("/.well-known/jwks.json", {"data": MUCH}),
        ("/static/nothing.js", {}),
        ("/static/v-any/nothing.js", {}),
    ):
        reply = http.get(path, **sent)
        assert (reply.status_code in (404, 413), reply.headers["Cache-Control"]) == (True, "no-store")


def test_nothing_but_static_files_may_be_stored(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """H01, H02."""
    for _, what, reply in answers(client(make_app), monkeypatch):
        assert (what, reply.headers.getlist("Cache-Control")) == (what, ["no-store"])
        assert (what, reply.headers["Pragma"]) == (what, "no-cache")
        varies = set(reply.headers["Vary"].split(", "))
        is_page = "html" in (reply.content_type or "") and reply.request.path.startswith("/api") is False
        is_api = reply.request.path.startswith(("/api/", "/healthz", "/readyz"))
        assert varies >= {"Origin", "Authorization", "Cookie"} if is_api else varies == {"Cookie"}, what
        assert is_page or is_api or reply.status_code == 303
