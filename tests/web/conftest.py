"""Fixtures of the tests by the test client: mail, browsers, sessions."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.json_routes import Send
from tests.support.mailbox import Mailbox
from tests.support.settings import make_settings
from tests.support.steps import sign_in_by_form
from webapp import create_app
from webapp.database import db


@pytest.fixture
def mailbox(make_app: Callable[..., Flask], tmp_path: Path) -> Mailbox:
    """The mail of an application of its own, which is `mailbox.app`."""
    return Mailbox(make_app(mail_url=f"file://{tmp_path}/mail"), tmp_path / "mail")


@pytest.fixture
def send(app: Flask, signed_in: people.SignedIn) -> Send:
    """A function that sends a body (bytes, or a value as JSON) to a route, with the access token where one is asked."""

    def send(route: str, body: Any, **options: Any) -> TestResponse:
        method, path = route.split()
        headers = signed_in.bearer if path == "/api/me" else {}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        options = {"content_type": "application/json", **options}
        return app.test_client().open(path, method=method, data=data, headers=headers, **options)

    return send


@pytest.fixture
def state(app: Flask) -> Callable[[], list[Any]]:
    """A function that reads every row there is, but for the record of failed sign-ins."""

    def read() -> list[Any]:
        with app.app_context():
            tables = [table for table in db.metadata.sorted_tables if table.name != "audit_events"]
            return [db.session.execute(select(table)).all() for table in tables]

    return read


@pytest.fixture
def visitor(http: FlaskClient, user_id: int) -> FlaskClient:
    """A browser in which nobody is signed in yet; John Doe has an account."""
    return http


@pytest.fixture
def user(visitor: FlaskClient) -> FlaskClient:
    """The browser in which John Doe is signed in."""
    assert sign_in_by_form(visitor).status_code == 303
    return visitor


@pytest.fixture
def bare(app: Flask) -> FlaskClient:
    """A client that keeps no cookies: each request carries what the test says and nothing else."""
    return app.test_client(use_cookies=False)


@pytest.fixture
def by_cookie_session(app: Flask, user_id: int) -> people.SignedIn:
    """John Doe signed in by the API with the cookie transport."""
    return people.sign_in(app.test_client(), transport="cookie")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[people.SignedIn]:
    """John Doe signed in, once for the file, for tests that send a great deal."""
    url = fresh_database("sqlite", tmp_path_factory.mktemp("fuzz"))
    app = create_app(make_settings(database_url=url))
    app.config["PROPAGATE_EXCEPTIONS"] = False
    people.create_user(app)
    yield people.sign_in(app.test_client())
    with app.app_context():
        close_connections()
