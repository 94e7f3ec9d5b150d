"""No request waits for a second connection while it holds one: if all of a pool's do, nobody goes on."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from flask import Flask

import webapp
from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.registration import PASSPHRASE, register
from tests.support.steps import DAY, bearer, is_signed_in, sign_in_by_form, submit
from webapp.config import Settings
from webapp.database import database_config


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the application have one, for which a thread waits half a second."""

    def config(settings: Settings) -> dict[str, Any]:
        given = database_config(settings)
        alone = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.5}
        return given | {"SQLALCHEMY_ENGINE_OPTIONS": given["SQLALCHEMY_ENGINE_OPTIONS"] | alone}

    monkeypatch.setattr(webapp, "database_config", config)


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Any) -> Flask:
    return make_app(mail_url=f"file://{tmp_path}/mail", ratelimit_enabled=True)


def test_a_known_device_signs_in(app: Flask, user_id: int) -> None:
    http = app.test_client()
    assert sign_in_by_form(http).status_code == 303
    http.delete_cookie("refresh_token")
    credentials = {"email": people.EMAIL, "password": people.PASSWORD}
    assert http.post("/api/login", json=credentials).status_code == 200
    assert http.post("/api/login", json={**credentials, "password": "wrong"}).status_code == 401
    assert sign_in_by_form(http).status_code == 303


def test_a_browser_signs_in_whose_session_has_expired(app: Flask, user_id: int, clock: time_machine.Traveller) -> None:
    http = app.test_client()
    sign_in_by_form(http)
    cookie = http.get_cookie("refresh_token")
    clock.shift(31 * DAY)
    assert cookie is not None
    http.set_cookie("refresh_token", cookie.value)
    assert sign_in_by_form(http).status_code == 303
    assert is_signed_in(http)


def test_a_password_confirms_an_address(app: Flask, mailbox: Mailbox) -> None:
    register(app)
    http = app.test_client()
    reply = submit(http, f"/verify/{mailbox.token('verify')}", {"password": PASSPHRASE})
    assert reply.status_code == 303
    assert is_signed_in(http)


def test_programs_call_refresh_change_their_password_and_leave(app: Flask, user_id: int) -> None:
    http = app.test_client()
    session = people.sign_in(http)
    pair = http.post("/api/refresh", json={"refresh_token": session.refresh}).json
    authorized = bearer(pair["access_token"])
    assert http.get("/api/me", headers=authorized).status_code == 200
    change = {"current_password": people.PASSWORD, "new_password": "seven quiet hedges"}
    assert http.post("/api/me/password", json=change, headers=authorized).status_code == 204
    assert http.post("/api/logout", headers=authorized).status_code == 204
