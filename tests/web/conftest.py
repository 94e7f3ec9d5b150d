"""Fixtures of the tests by the test client: its mail, browsers, other people and devices, the desk, the metrics."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
import webauthn
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from webauthn.helpers import bytes_to_base64url
from webauthn.registration.verify_registration_response import VerifiedRegistration
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.cookies import client_of
from tests.support.databases import close_connections, fresh_database
from tests.support.desk import ADMIN
from tests.support.json_routes import Send
from tests.support.mailbox import Mailbox
from tests.support.scraping import Watch
from tests.support.second_factor import Phone, set_up
from tests.support.settings import PUBLIC_URL, make_settings
from tests.support.steps import MINUTE, sign_in_by_form
from tests.support.underway import Plan
from webapp import create_app, reauthentication
from webapp.database import db


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    """The application, whose mail goes into a folder of the test."""
    return make_app(mail_url=f"file://{tmp_path}/mail")


@pytest.fixture
def mailbox(app: Flask, tmp_path: Path) -> Mailbox:
    """What `app` has mailed."""
    return Mailbox(app, tmp_path / "mail")


@pytest.fixture
def production(make_app: Callable[..., Flask]) -> FlaskClient:
    """A client of the product as it is served over https, where John Doe is a user."""
    return client_of(make_app, is_https=True)


@pytest.fixture
def second_device(app: Flask, user_id: int) -> people.SignedIn:
    """The same user, signed in on a second device."""
    return people.sign_in(app.test_client())


@pytest.fixture
def stranger(app: Flask) -> people.SignedIn:
    """Somebody else."""
    people.create_user(app, "other@test.com")
    return people.sign_in(app.test_client(), email="other@test.com")


@pytest.fixture
def phone(signed_in: people.SignedIn, clock: time_machine.Traveller) -> Phone:
    """John Doe's second factor, set up a minute ago."""
    phone = set_up(signed_in)
    clock.shift(MINUTE)
    return phone


@pytest.fixture
def add_passkey(signed_in: people.SignedIn, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestResponse]:
    """A function by which John Doe adds a passkey whose signature is right, as far as the library says."""

    def verified(**_: Any) -> Any:
        made = VerifiedRegistration.__new__(VerifiedRegistration)
        made.credential_id, made.credential_public_key, made.sign_count = b"an id", b"a key", 0
        return made

    monkeypatch.setattr(webauthn, "verify_registration_response", verified)

    def add(name: str = "Laptop", **response: Any) -> TestResponse:
        options = signed_in.http.post("/api/passkeys/options", headers=signed_in.bearer).json
        said = json.dumps({"challenge": options["challenge"], "origin": PUBLIC_URL}).encode()
        data = bytes_to_base64url(said)
        body = {"name": name, "credential": {"id": "an id", "response": {"clientDataJSON": data, **response}}}
        return signed_in.http.post("/api/passkeys", headers=signed_in.bearer, json=body)

    return add


@pytest.fixture
def desk(app: Flask, user_id: int) -> FlaskClient:
    """An administrator's browser, just signed in. John Doe is the user with whom things are done."""
    people.create_user(app, ADMIN, is_admin=True, first_name="Ada", last_name="Admin")
    http = app.test_client()
    sign_in_by_form(http, email=ADMIN)
    return http


@pytest.fixture
def watch(app: Flask, user_id: int) -> Watch:
    """What the metrics have gained since John Doe was there."""
    return Watch(app)


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


@pytest.fixture
def after_the_password(monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A function that has something done when the next password of somebody signed in has been compared."""
    confirm = reauthentication.confirm_password

    def plan(deed: Callable[[], object]) -> None:
        def confirm_and_wait(*arguments: Any, **named: Any) -> str:
            monkeypatch.setattr(reauthentication, "confirm_password", confirm)
            stored = confirm(*arguments, **named)
            deed()
            return stored

        monkeypatch.setattr(reauthentication, "confirm_password", confirm_and_wait)

    return plan
