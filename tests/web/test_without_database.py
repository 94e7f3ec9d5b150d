"""While the database is away or locked: 503, nobody is signed out, and nothing is half done."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.engine import make_url

from tests.support import people, steps
from tests.support.command_line import refused, run
from tests.support.databases import (
    close_connections,
    closed_postgresql,
    empty_postgresql,
    empty_sqlite,
    forbidden_postgresql,
    fresh_database,
    no_sqlite,
    no_sqlite_file,
    older_postgresql,
    on_server,
)
from tests.support.doors import bearer, in_json
from tests.support.refusals import assert_page, assert_problem
from tests.support.settings import make_settings
from webapp import create_app, database, postgresql
from webapp.database import db
from webapp.models import AuthSession

API_ROUTES = ("POST /api/login", "POST /api/refresh", "POST /api/logout", "GET /api/me", "PATCH /api/me",
              "GET /api/products", "GET /api/sessions", "DELETE /api/sessions")  # fmt: skip

UNREACHABLE = (closed_postgresql, no_sqlite, no_sqlite_file)
NOT_READY = (empty_sqlite, empty_postgresql, forbidden_postgresql)

ReadOnly = Callable[[Flask], AbstractContextManager[None]]


@pytest.fixture
def read_only(database_url: str, monkeypatch: pytest.MonkeyPatch) -> ReadOnly:
    """A function in whose block the database, PostgreSQL, takes nothing: each new connection is told so."""
    monkeypatch.setattr(postgresql, "RENEWS_EVERY", 0.0)
    name = make_url(database_url).database

    @contextmanager
    def make_read_only(app: Flask) -> Iterator[None]:
        with app.app_context():
            db.session.execute(update(AuthSession).values(last_seen_at=steps.START))  # long ago: to be written anew
            db.session.commit()
            db.session.remove()
            close_connections()
        on_server(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        try:
            yield
        finally:
            on_server(f"ALTER DATABASE {name} RESET default_transaction_read_only")

    return make_read_only


@pytest.mark.parametrize("url", [*UNREACHABLE, *NOT_READY])
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
    if url in UNREACHABLE:  # the others answer, though they hold nothing for us
        assert_problem(away.test_client().get("/readyz"), 503, "database_unavailable")
    for path in ("/healthz", "/static/css/base.css"):  # what shows nobody anything of theirs does not ask who they are
        assert away.test_client(use_cookies=False).get(path, headers=headers, buffered=True).status_code == 200
    with away.app_context():
        close_connections()


def test_a_table_that_has_not_all_columns_yet_is_a_503_and_one_line_of_a_command(tmp_path, caplog) -> None:
    """The release was installed, and `db upgrade` forgotten; the log says what is missing, lest it is a mistake."""
    app = create_app(make_settings(database_url=older_postgresql(tmp_path)))
    reply = app.test_client().post("/api/login", json={"email": people.EMAIL, "password": "x"})
    assert_problem(reply, 503, "database_unavailable")
    assert "does not exist" in caplog.text
    assert "The database cannot be used." in refused(app, "users", "list")
    with app.app_context():
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


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_postgresql_that_takes_nothing_is_read_and_what_cannot_be_written_is_a_503(
    app: Flask, signed_in: people.SignedIn, read_only: ReadOnly, caplog: pytest.LogCaptureFixture
) -> None:
    """L11, V03: a standby after a failover, or one whose disk is full; and all works again as soon as it is over. What
    goes on without being written down is in the log."""
    page = app.test_client()
    people.sign_in(page, transport="cookie")
    second = steps.successor(steps.refresh(signed_in.http, signed_in.refresh or ""))
    app.config["PROPAGATE_EXCEPTIONS"] = False
    writes = [
        {"path": "/api/login", "json": {"email": people.EMAIL, "password": people.PASSWORD}},
        {"path": "/api/logout", "headers": signed_in.bearer},
        {"path": "/api/me", "method": "PATCH", "json": {"first_name": "Ann"}, "headers": signed_in.bearer},
    ]
    with read_only(app):
        for path in ("/api/me", "/api/products", "/api/sessions"):
            assert signed_in.http.get(path, headers=signed_in.bearer).status_code == 200
        for token in (signed_in.refresh or "", second):  # the second one would be confirmed if that could be written
            renewed = steps.refresh(signed_in.http, token)
            used = signed_in.http.get("/api/me", headers={"Authorization": f"Bearer {renewed.json['access_token']}"})
            assert (renewed.status_code, used.status_code) == (200, 200)
        assert "not written down: " in caplog.text
        assert page.get("/account").status_code == 200
        assert page.get("/readyz").status_code == 200
        for asked in writes:
            reply = app.test_client(use_cookies=False).open(**{"method": "POST", **asked})
            assert_problem(reply, 503, "database_unavailable")
            assert int(reply.headers["Retry-After"]) >= 1
        reply = steps.submit(page, "/account")
        assert_page(reply, 503)
        assert "Retry-After" in reply.headers
        assert signed_in.me().json["first_name"] == "John"
    assert steps.refresh(signed_in.http, steps.successor(renewed)).status_code == 200
    for asked in writes[::-1]:
        assert app.test_client(use_cookies=False).open(**{"method": "POST", **asked}).status_code in (200, 204)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_command_says_in_one_line_that_nothing_can_be_written(
    app: Flask, signed_in: people.SignedIn, read_only: ReadOnly
) -> None:
    with read_only(app):
        assert people.EMAIL in run(app, "sessions", "list").output
        assert "The database cannot be used." in refused(app, "sessions", "revoke", "--all")
    assert run(app, "sessions", "revoke", "--all").output == "Ended 1 session.\n"
