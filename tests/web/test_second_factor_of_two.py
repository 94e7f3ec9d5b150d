"""Two users with a second factor: what one does leaves the other's alone; and what is written down of each."""

from collections.abc import Callable

import pyotp
import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests.faults.accounts import SecondFactor
from tests.support import forge, people
from tests.support.sessions import sid
from tests.support.steps import events
from webapp import mfa_setup
from webapp.clock import utc_now
from webapp.database import db
from webapp.mfa import STEP_SECONDS
from webapp.models import OutboxMail
from webapp.web.context import settings

EMAILS = ("one@test.com", "two@test.com")

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(ratelimit_enabled=True)


@pytest.fixture
def sessions(app: Flask) -> list[people.SignedIn]:
    for email in EMAILS:
        people.create_user(app, email)
    return [people.sign_in(app.test_client(), email=email) for email in EMAILS]


def begin(session: people.SignedIn) -> SecondFactor:
    return SecondFactor(pyotp.TOTP(session.http.post("/api/me/totp", headers=session.bearer).json["secret"]))


def confirm(session: people.SignedIn, code: str) -> int:
    return session.http.post("/api/me/totp/confirm", json={"code": code}, headers=session.bearer).status_code


def login(app: Flask, email: str, phone: SecondFactor) -> int:
    body = {"email": email, "password": people.PASSWORD, "code": now_of(phone)}
    return app.test_client().post("/api/login", json=body).status_code


def now_of(phone: SecondFactor) -> str:
    _, present, _ = phone.codes()
    return present


def test_each_sets_up_and_uses_a_device_of_their_own(
    app: Flask, sessions: list[people.SignedIn], clock: time_machine.Traveller
) -> None:
    """P10, P12: begun at once, confirmed at once, and used within one time step."""
    phones = [begin(session) for session in sessions]
    assert [confirm(session, now_of(phone)) for session, phone in zip(sessions, phones, strict=True)] == [200, 200]
    clock.shift(2 * STEP_SECONDS)
    assert [login(app, email, phone) for email, phone in zip(EMAILS, phones, strict=True)] == [200, 200]
    assert [login(app, email, phone) for email, phone in zip(EMAILS, phones, strict=True)] == [401, 401]


def test_wrong_first_codes_are_counted_for_who_gave_them(app: Flask, sessions: list[people.SignedIn]) -> None:
    """P11: five, then even the right one has to wait; the other user does not."""
    one, two = (begin(session) for session in sessions)
    assert [confirm(sessions[0], one.wrong_codes(1)[0]) for _ in range(6)] == [422] * 5 + [429]
    assert confirm(sessions[0], now_of(one)) == 429
    assert confirm(sessions[1], now_of(two)) == 200
    failures = events(app, "code_failed")
    assert len(failures) == 5
    assert {event.user_id for event in failures} == {1}


def test_who_sets_one_up_is_written_down(app: Flask, sessions: list[people.SignedIn]) -> None:
    """Z09; the others of their sessions end by their own hand, and the mail tells of the session that did it."""
    session = sessions[1]
    other = people.sign_in(app.test_client(), email=EMAILS[1])
    phone = begin(session)
    wrong = session.http.post("/api/me/totp/confirm", json={"code": phone.wrong_codes(1)[0]}, headers=session.bearer)
    assert wrong.json["errors"] == {
        "code": ["That code is not right. Check the clock of your device, and take the newest."]
    }
    assert confirm(session, now_of(phone)) == 200
    [event] = events(app, "totp_enabled")
    assert (event.user_id, event.actor_id) == (2, 2)
    [ended] = events(app, "session_revoked")
    assert (ended.user_id, ended.actor_id, ended.session_id) == (2, 2, forge.read(other.access)["sid"])
    with app.app_context():
        details = db.session.scalars(select(OutboxMail.detail).where(OutboxMail.kind == "second_factor_added")).one()
        assert details["session_id"] == forge.read(session.access)["sid"]
    again = session.http.post("/api/me/totp", headers=session.bearer)
    assert again.json["detail"] == "Two-step sign-in is on already. Turn it off first."


def test_who_takes_a_second_factor_away_is_written_down(app: Flask, sessions: list[people.SignedIn]) -> None:
    """Z09; and there is nothing to take away, or to confirm, twice."""
    session = sessions[1]
    confirm(session, now_of(begin(session)))
    body = {"password": people.PASSWORD}
    assert session.http.delete("/api/me/totp", json=body, headers=session.bearer).status_code == 204
    [event] = events(app, "totp_disabled")
    assert (event.user_id, event.actor_id) == (2, 2)
    again = session.http.delete("/api/me/totp", json=body, headers=session.bearer)
    assert (again.status_code, again.json["detail"]) == (409, "Two-step sign-in is off already.")
    late = session.http.post("/api/me/totp/confirm", json={"code": "000000"}, headers=session.bearer)
    assert (late.status_code, late.json["detail"]) == (409, mfa_setup.NONE_WAITS)


def test_what_waits_for_its_first_code_is_shown_again_as_it_was(app: Flask, sessions: list[people.SignedIn]) -> None:
    with app.test_request_context():
        who = [{"user_id": number, "sid": sid(session), "now": utc_now()} for number, session in enumerate(sessions, 1)]
        begun = mfa_setup.begin(db.session, settings(), **who[1])
        assert mfa_setup.pending(db.session, settings(), **who[1]) == begun
        assert mfa_setup.pending(db.session, settings(), **who[0]) is None
        assert EMAILS[1].replace("@", "%40") in begun.uri
