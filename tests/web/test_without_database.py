"""While the database is away or locked: 503, nobody is signed out, and nothing is half done."""

import sqlite3

import pytest

from tests.support import people
from tests.support.databases import close_connections, closed_postgresql, empty_sqlite, fresh_database, no_sqlite
from tests.support.doors import bearer, in_json
from tests.support.refusals import assert_page, assert_problem
from tests.support.settings import make_settings
from webapp import create_app, database

API_ROUTES = ("POST /api/login", "POST /api/refresh", "POST /api/logout", "GET /api/me", "PATCH /api/me",
              "GET /api/products", "GET /api/sessions", "DELETE /api/sessions")  # fmt: skip


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
    for path in ("/healthz", "/static/css/base.css"):  # what shows nobody anything of theirs does not ask who they are
        assert away.test_client(use_cookies=False).get(path, headers=headers, buffered=True).status_code == 200
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
