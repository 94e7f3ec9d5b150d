"""What /metrics tells of sign-ins: each door and outcome moves by exactly what happened; and each hash."""

from collections.abc import Callable
from pathlib import Path
from threading import BoundedSemaphore

import pyotp
import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.scraping import Watch, scrape
from tests.support.settings import make_settings
from tests.support.steps import START, login, sign_in_by_form, submit
from webapp import create_app, mail, metrics, passkey_ceremonies, passwords
from webapp.clock import utc_now
from webapp.database import db

WRONG = "not the password"
PASSKEY = {"credential": {"id": "x", "response": {}}}


def test_sign_ins_by_the_api(app: Flask, watch: Watch) -> None:
    assert [login(app), login(app), login(app, password=WRONG), login(app, email="no@body.com")] == [200, 200, 401, 401]
    assert login(app, transport="pigeon") == login(app, password="") == 422  # no attempt
    assert watch.sign_ins == {"password success": 2, "password invalid_credentials": 2}


def test_sign_ins_on_pages(app: Flask, watch: Watch) -> None:
    assert sign_in_by_form(app.test_client()).status_code == 303
    assert sign_in_by_form(app.test_client(), password=WRONG).status_code == 422
    assert sign_in_by_form(app.test_client(), password="").status_code == 422  # no attempt
    assert app.test_client().post("/login", data={"email": people.EMAIL}).status_code == 400  # no form of ours
    app.test_client().get("/login")
    assert watch.sign_ins == {"password success": 1, "password invalid_credentials": 1}


def test_sign_ins_with_a_second_factor(app: Flask, user_id: int) -> None:
    with time_machine.travel(START, tick=False) as clock:
        session = people.sign_in(app.test_client())
        secret = session.http.post("/api/me/totp", headers=session.bearer).json["secret"]
        clock.shift(30)

        def code() -> str:
            clock.shift(30)
            return pyotp.TOTP(secret).at(int(utc_now().timestamp()))

        watch = Watch(app)
        confirmation = {"code": "000000"}
        session.http.post("/api/me/totp/confirm", json=confirmation, headers=session.bearer)
        assert session.http.post(
            "/api/me/totp/confirm", json={"code": code()}, headers=session.bearer
        ).status_code == 200  # fmt: skip
        assert watch.sign_ins == {}  # a code at the setting up is no sign-in
        assert [login(app), login(app, code="000000"), login(app, code=code())] == [401, 401, 200]
        assert watch.sign_ins == {"password mfa_required": 1, "password invalid_code": 1, "password success": 1}
        watch, browser = Watch(app), app.test_client()
        assert sign_in_by_form(browser).status_code == 303
        assert watch.sign_ins == {"password mfa_required": 1}
        assert submit(browser, "/login/code", {"code": "000000"}).status_code == 422
        assert submit(browser, "/login/code", {"code": ""}).status_code == 422  # no attempt
        assert submit(browser, "/login/code", {"code": code()}).status_code == 303
        assert watch.sign_ins == {"password mfa_required": 1, "password invalid_code": 1, "password success": 1}


def test_sign_ins_that_the_throttle_refuses(make_app: Callable[..., Flask], user_id: int) -> None:
    app = make_app(ratelimit_enabled=True)
    watch = Watch(app)
    assert [login(app, password=WRONG) for _ in range(12)] == [401] * 10 + [429] * 2
    assert sign_in_by_form(app.test_client()).status_code == 429
    assert watch.sign_ins == {"password invalid_credentials": 10, "password too_many_attempts": 3}


def test_sign_ins_for_which_there_is_no_room(app: Flask, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    full = BoundedSemaphore(1)
    full.acquire()
    monkeypatch.setattr(passwords, "_admitted", full)
    assert [login(app), sign_in_by_form(app.test_client()).status_code] == [503, 503]
    assert watch.sign_ins == {"password too_busy": 2}
    assert watch.risen("password_hashes_refused_total") == {"": 2}
    assert watch.risen("password_hash_seconds_count") == {}


def test_sign_ins_by_passkey(app: Flask, user_id: int, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    def sign_in() -> int:
        return app.test_client().post("/api/login/passkey", json=PASSKEY).status_code

    app.test_client().post("/api/login/passkey/options")
    assert sign_in() == 401
    monkeypatch.setattr(passkey_ceremonies, "authenticate", lambda *_, **__: user_id)
    assert sign_in() == 200
    assert watch.sign_ins == {"passkey invalid_passkey": 1, "passkey success": 1}


def test_sign_ins_without_a_database(tmp_path: Path) -> None:
    app = create_app(make_settings(database_url=f"sqlite:///{tmp_path}"))
    watch = Watch(app)
    assert login(app) == 503
    assert watch.sign_ins == {"password database_unavailable": 1}


def test_a_password_that_confirms_an_address_signs_in(app: Flask, tmp_path: Path) -> None:
    app.test_client().post("/api/register", json={"email": "new@test.com", "password": "seven quiet hedges"})
    with app.app_context():
        row = db.session.scalars(db.select(mail.OutboxMail)).one()
        link = mail.compose(db.session, make_settings(), row, now=utc_now()).link
    path = "/verify/" + link.rpartition("/")[2]
    watch = Watch(app)
    assert submit(app.test_client(), path, {"password": WRONG}).status_code == 422
    assert submit(app.test_client(), path, {"password": ""}).status_code == 422  # no attempt
    assert submit(app.test_client(), path, {"password": "seven quiet hedges"}).status_code == 303
    assert watch.sign_ins == {"password invalid_credentials": 1, "password success": 1}


def test_every_door_and_outcome_is_there_before_anybody_comes(app: Flask) -> None:
    shown = scrape(app.test_client())
    for method, outcomes in metrics.SIGN_IN_OUTCOMES.items():
        for outcome in outcomes:
            assert f'evergreen_sign_ins_total{{method="{method}",outcome="{outcome}"}}' in shown
    assert {f'evergreen_refreshes_total{{method="{method}"}}' for method in ("silent", "manual")} <= shown.keys()


def test_the_doors_where_sign_ins_are_counted_exist(app: Flask) -> None:
    from webapp.web.hooks import _SIGN_IN_DOORS

    assert _SIGN_IN_DOORS.keys() <= app.view_functions.keys()


def test_each_hash_is_timed_where_it_is_made(app: Flask, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = passwords.hash_password("right")
    passwords.verify_password(stored, "right")
    passwords.verify_password(stored, WRONG)
    passwords.verify_password(None, WRONG)
    assert watch.risen("password_hash_seconds_count") == {"": 4}
    assert 0 < watch.risen("password_hash_seconds_sum")[""] < 4
    assert watch.risen("password_hashes_refused_total") == {}
