"""What a refusal looks like: problem+json for programs, a page for people, RFC 6749 for OAuth forms (H09, H10, T19)."""

import os
import sqlite3
import subprocess
import sys

import pytest
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.databases import close_connections, closed_postgresql, empty_sqlite, fresh_database, no_sqlite
from tests.support.doors import bearer, in_json
from tests.support.live import free_port
from tests.support.settings import SECRET_KEY, make_settings
from webapp import create_app, database
from webapp.config import ROOT, ConfigError, load_settings
from webapp.web.api import auth, me
from webapp.web.pages import home

CANARY = "canary-5f2b"
API_ROUTES = ("POST /api/login", "POST /api/refresh", "POST /api/logout", "GET /api/me", "PATCH /api/me",
              "GET /api/products", "GET /api/sessions", "DELETE /api/sessions")  # fmt: skip


def assert_problem(reply: TestResponse, status: int, code: str) -> None:
    """RFC 9457, nothing to store, nothing of what was sent, nothing of what went wrong inside."""
    assert (reply.status_code, reply.content_type) == (status, "application/problem+json"), reply.text
    problem = reply.get_json()
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, f"urn:problem-type:evergreen:{code}")
    assert all(problem[name] for name in ("title", "detail", "request_id"))
    assert_says_nothing(reply)


def assert_page(reply: TestResponse, status: int) -> None:
    assert (reply.status_code, reply.mimetype) == (status, "text/html"), reply.text
    assert f">{status}<" in reply.text
    assert "name this request" in reply.text
    assert_says_nothing(reply)


def assert_says_nothing(reply: TestResponse) -> None:
    assert reply.headers["Cache-Control"] == "no-store"
    for word in (CANARY, "Traceback", "Exception", "sqlalchemy", "psycopg", "werkzeug", ".py"):
        assert word not in reply.text


# --- each status -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [f"/api/{CANARY}", "/api/", "/api/me/", f"/api/sessions/{CANARY}", "/api/me/../x", "/.well-known/x"]
)
def test_an_unknown_address_of_the_api_is_a_problem(app, path) -> None:
    """H09"""
    for method in ("GET", "POST", "DELETE"):
        assert_problem(app.test_client().open(path, method=method), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/login", {"POST", "OPTIONS"}),
        ("/api/refresh", {"POST", "OPTIONS"}),
        ("/api/me", {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}),
        ("/healthz", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_another_method_is_a_405_that_names_the_right_ones(app, path, allowed) -> None:
    """H10: and no header stands in for the method."""
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND"} - allowed:
        reply = app.test_client().open(path, method=method, headers={"X-HTTP-Method-Override": next(iter(allowed))})
        assert_problem(reply, 405, "method_not_allowed")
        assert set(reply.headers["Allow"].split(", ")) >= allowed


def test_a_body_too_large_or_of_another_type_or_shape_is_a_problem(app) -> None:
    """H09: 413, 415, 400 and 422."""
    http = app.test_client()
    assert_problem(http.post("/api/login", json={"email": CANARY * 9000}), 413, "request_entity_too_large")
    assert_problem(http.post("/api/refresh", data={"refresh_token": CANARY * 9000}), 413, "request_entity_too_large")
    assert_problem(http.post("/api/login", data={"email": CANARY}), 415, "unsupported_media_type")
    assert_problem(http.post("/api/login", json=[CANARY]), 400, "malformed_json")
    assert_problem(
        http.post("/api/login", json={"email": CANARY, "transport": CANARY, "code": 1}), 422, "invalid_fields"
    )
    assert_problem(http.get("/api/me", headers={"Host": f"{CANARY}.example"}), 400, "unknown_host")


def test_a_bug_is_a_500_that_tells_the_log_and_nobody_else(app, user_id, monkeypatch, caplog) -> None:
    """H09"""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"{CANARY} Traceback psycopg")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    session = people.sign_in(app.test_client())
    for target, name in ((auth.authentication, "authenticate"), (me.accounts, "rename"), (home, "render_template")):
        monkeypatch.setattr(target, name, fail)
    assert_problem(session.http.post("/api/login", json={"email": "a@b.c", "password": CANARY}), 500, "internal_error")
    reply = session.http.patch("/api/me", json={"first_name": CANARY}, headers=session.bearer)
    assert_problem(reply, 500, "internal_error")
    assert "X-New-Token" not in reply.headers
    assert reply.get_json()["request_id"] in caplog.text
    assert f"RuntimeError: {CANARY}" in caplog.text
    assert_page(session.http.get("/"), 500)


SIGN_IN_FORM = {"path": "/login", "method": "POST"}
PAGES = {
    "unknown": (404, {"path": f"/{CANARY}"}),
    "unknown below one": (404, {"path": f"/account/{CANARY}"}),
    "not the API": (404, {"path": "/apiary"}),
    "wrong method": (405, {"path": "/", "method": "POST"}),
    "form without CSRF token": (400, SIGN_IN_FORM | {"data": {"email": CANARY}}),
    "form too large": (413, SIGN_IN_FORM | {"data": {"email": CANARY * 9000}}),
}


@pytest.mark.parametrize(("status", "request_for"), PAGES.values(), ids=PAGES)
def test_outside_the_api_a_refusal_is_a_page(app, status, request_for) -> None:
    """H09"""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    reply = app.test_client().open(**request_for)
    assert_page(reply, status)
    assert ("Allow" in reply.headers) == (status == 405)


@pytest.mark.parametrize("host", [f"{CANARY}.example", "localhost.evil.example", "a b", "localhost:x"])
def test_by_another_host_no_page_is_served(app, host) -> None:
    """P03: whoever points a name of theirs at this server gets a 400, not a page with links, and not a 500."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for path in ("/login", f"/{CANARY}", "/account"):
        reply = app.test_client().get(path, headers={"Host": host})
        assert (reply.status_code, reply.mimetype) == (400, "text/plain")
        assert_says_nothing(reply)


# --- OAuth -----------------------------------------------------------------------------------------------

GRANT = ("grant_type", "refresh_token")
TOKEN = ("refresh_token", "{token}")


@pytest.mark.parametrize("extra", [(), (("client_id", "x"), ("scope", "y"))])
def test_an_oauth_client_refreshes_by_form(app, signed_in, extra) -> None:
    """RFC 6749 §5.1, §6: parameters it does not know do not matter."""
    reply = app.test_client().post("/api/refresh", data=dict([GRANT, ("refresh_token", signed_in.refresh), *extra]))
    assert (reply.status_code, reply.content_type, reply.headers["Cache-Control"]) == (
        200,
        "application/json",
        "no-store",
    )
    assert reply.headers["Pragma"] == "no-cache"
    answer = reply.get_json()
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 86_400)
    assert signed_in.me(answer["access_token"]).status_code == 200
    assert (
        app.test_client()
        .post("/api/refresh", data=dict([GRANT, ("refresh_token", answer["refresh_token"])]))
        .status_code
        == 200
    )


@pytest.mark.parametrize(
    ("error", "form"),
    [
        ("invalid_grant", [GRANT, ("refresh_token", CANARY)]),
        ("invalid_grant", [GRANT, ("refresh_token", "{access}")]),
        ("invalid_grant", [GRANT, ("refresh_token", "{ended}")]),
        ("invalid_request", [GRANT]),
        ("invalid_request", [TOKEN]),
        ("invalid_request", [GRANT, GRANT, TOKEN]),
        ("invalid_request", [GRANT, TOKEN, TOKEN]),
        ("invalid_request", [GRANT, TOKEN, ("scope", "a"), ("scope", "a")]),
        ("invalid_request", [("grant_type", ""), TOKEN]),
        ("invalid_request", [GRANT, ("refresh_token", "")]),
        ("unsupported_grant_type", [("grant_type", "password"), ("password", CANARY)]),
        ("unsupported_grant_type", [("grant_type", "Refresh_Token"), TOKEN]),
        ("unsupported_grant_type", [("grant_type", CANARY), TOKEN]),
    ],
)
def test_a_form_is_refused_in_the_words_of_oauth(app, signed_in, error, form) -> None:
    """RFC 6749 §5.2, I08; a parameter without a value counts as left out (§3.2)."""
    ended = people.sign_in(app.test_client())
    ended.http.post("/api/logout", headers=ended.bearer)
    tokens = {"token": signed_in.refresh, "access": signed_in.access, "ended": ended.refresh}
    pairs = [(name, value.format(**tokens)) for name, value in form]
    data = "&".join(f"{name}={value}" for name, value in pairs)
    reply = app.test_client().post("/api/refresh", data=data, content_type="application/x-www-form-urlencoded")
    assert (reply.status_code, reply.content_type) == (400, "application/json")
    assert (reply.get_json()["error"], set(reply.get_json())) == (error, {"error", "error_description"})
    assert "WWW-Authenticate" not in reply.headers
    assert_says_nothing(reply)


# --- the database is away --------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [closed_postgresql, empty_sqlite, no_sqlite])
def test_without_a_database_the_answer_is_503_and_nobody_is_signed_out(app, signed_in, tmp_path, url) -> None:
    """sessions.md: never 200, never 401, no cookie cleared, and a word on when to come back."""
    cookie = people.sign_in(app.test_client(), transport="cookie").refresh
    away = create_app(make_settings(database_url=url(tmp_path)))
    headers = {"Cookie": f"refresh_token={cookie}", "Sec-Fetch-Site": "same-origin"}
    for route in API_ROUTES:
        method, path = route.split()
        sent = headers if path in ("/api/refresh", "/api/logout") else signed_in.bearer
        body = {"json": {"email": people.EMAIL, "password": "x"}} if path == "/api/login" else {}
        body = {"json": {"first_name": "x"}} if method == "PATCH" else body
        reply = away.test_client(use_cookies=False).open(path, method=method, headers=sent, **body)
        assert_problem(reply, 503, "database_unavailable")
        assert int(reply.headers["Retry-After"]) >= 1
        assert not {"Set-Cookie", "X-New-Token", "WWW-Authenticate"} & set(reply.headers.keys())
    for request_for in (in_json, bearer("/api/refresh")):
        assert_problem(away.test_client().open(**request_for(signed_in.refresh)), 503, "database_unavailable")
    away.config["PROPAGATE_EXCEPTIONS"] = False
    for path in ("/account", "/account/tokens", "/"):
        reply = away.test_client(use_cookies=False).get(path, headers=headers)
        assert_page(reply, 503)
        assert "Retry-After" in reply.headers
        assert "Set-Cookie" not in reply.headers
    if url is not empty_sqlite:  # which answers, though it holds nothing
        assert_problem(away.test_client().get("/readyz"), 503, "database_unavailable")
    assert away.test_client().get("/healthz").status_code == 200
    with away.app_context():
        close_connections()


def test_a_locked_sqlite_file_is_a_503_and_nothing_is_half_done(tmp_path, monkeypatch) -> None:
    """A write that waited in vain; reading goes on beside it."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0.05)
    app = create_app(make_settings(database_url=fresh_database("sqlite", tmp_path)))
    people.create_user(app)
    session = people.sign_in(app.test_client())
    lock = sqlite3.connect(tmp_path / "evergreen.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    reply = session.http.patch("/api/me", json={"first_name": "Ann"}, headers=session.bearer)
    assert_problem(reply, 503, "database_unavailable")
    assert session.me().get_json()["first_name"] == "John"
    assert session.http.post("/api/logout", headers=session.bearer).status_code == 503
    lock.close()
    assert session.me().status_code == 200
    with app.app_context():
        close_connections()


# --- no start with a weak key ----------------------------------------------------------------------------

PRODUCTION = {"APP_ENV": "production", "PUBLIC_URL": "https://accounts.example.com"}
WEAK = ("changeme", "secret", "your-256-bit-secret", SECRET_KEY[:31], "x" * 64, "abcabc" * 12, "secret" * 8,
        "please-change-me-please-change-me-now",
        "insert_your_secret_here_0123456789abcdef", "\N{EVERGREEN TREE}" * 7)  # fmt: skip


@pytest.mark.parametrize("key", WEAK)
def test_a_weak_key_is_refused_without_being_shown(monkeypatch, key) -> None:
    """T19: at least 32 bytes, and nobody's guess."""
    for name, value in {**PRODUCTION, "SECRET_KEY": key}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="SECRET_KEY") as refusal:
        load_settings()
    assert key not in str(refusal.value)


@pytest.mark.parametrize("key", ["", "changeme", SECRET_KEY[:31]])
@pytest.mark.parametrize("command", ["gunicorn wsgi:app", "flask --app wsgi users list"])
def test_the_server_does_not_start_with_a_weak_key(tmp_path, command, key) -> None:
    """T19"""
    environment = {"PATH": os.environ["PATH"], **PRODUCTION, "SECRET_KEY": key, "PORT": str(free_port()),
                   "DATABASE_URL": f"sqlite:///{tmp_path}/x.db"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode not in (0, None)
    assert "SECRET_KEY" in said
    assert "Traceback" not in said
    assert not key or key not in said
