"""Forms of the second factor that are sent twice, by a double click or a reload, and where what is refused leads."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pyotp
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.meanwhile import do_before
from tests.support.second_factor import Phone, login, outcome
from tests.support.steps import csrf_token, events, sign_in_by_form
from webapp import recovery_codes
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import RecoveryCode

BEGIN, CONFIRM, REMOVE, RENEW = (
    f"/account/security/{form}" for form in ("totp/begin", "totp", "totp/remove", "recovery-codes")
)
IS_ON = "Two-step sign-in is on. If you did not see your recovery codes, make new ones."

Send = Callable[..., TestResponse]

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def browser(app: Flask, user_id: int) -> FlaskClient:
    """The browser of John Doe, who is signed in."""
    http = app.test_client()
    sign_in_by_form(http)
    return http


@pytest.fixture
def send(browser: FlaskClient) -> Send:
    """A function that sends a form of the pages, as often as it is called, without opening the page anew."""
    csrf = csrf_token(browser.get("/account/security"))
    return lambda path, **fields: browser.post(path, data={"csrf_token": csrf, **fields})


@pytest.fixture
def code(browser: FlaskClient, send: Send) -> str:
    """The first code of a second factor that waits for it."""
    assert send(BEGIN).status_code == 303
    [secret] = re.findall(r"<code data-copy-source>([A-Z2-7 ]+)</code>", browser.get(CONFIRM).text)
    return pyotp.TOTP(secret.replace(" ", "")).at(utc_now())


def assert_told_that_it_is_on(browser: FlaskClient, reply: TestResponse) -> None:
    assert (reply.status_code, reply.location) == (303, "/account/security")
    assert IS_ON in browser.get(reply.location).text


def test_a_reload_of_the_page_with_the_codes_says_that_the_factor_is_on(
    browser: FlaskClient, send: Send, code: str
) -> None:
    assert send(CONFIRM, code=code).status_code == 200
    assert_told_that_it_is_on(browser, send(CONFIRM, code=code))


def test_a_double_click_that_turns_the_factor_on_says_that_it_is_on(
    browser: FlaskClient, send: Send, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[TestResponse] = []
    do_before(monkeypatch, recovery_codes, "make", lambda: first.append(send(CONFIRM, code=code)))
    assert_told_that_it_is_on(browser, send(CONFIRM, code=code))
    assert [reply.status_code for reply in first] == [200]


def test_what_the_pages_of_the_factor_refuse_leads_to_the_page_that_shows_how_it_is(send: Send, code: str) -> None:
    """The start page would be no way on."""
    no_factor = send(RENEW)
    send(CONFIRM, code=code)
    for refused in (no_factor, send(BEGIN)):
        assert refused.status_code == 409
        assert 'href="/account/security">Back to Security' in refused.text


def test_a_first_code_that_nothing_waits_for_is_refused_with_a_way_on(send: Send) -> None:
    refused = send(CONFIRM, code="123456")
    assert (refused.status_code, IS_ON in refused.text) == (409, False)
    assert 'href="/account/security">Back to Security' in refused.text


def test_a_double_click_that_turns_the_factor_off_says_that_it_is_off(
    app: Flask, browser: FlaskClient, send: Send, code: str
) -> None:
    send(CONFIRM, code=code)
    for _ in range(2):
        reply = send(REMOVE, password=people.PASSWORD)
        assert (reply.status_code, reply.location) == (303, "/account/security")
        assert "Two-step sign-in is off." in browser.get(reply.location).text
    assert len(events(app, "totp_disabled")) == 1


def test_a_passkey_that_is_gone_cannot_be_renamed_which_leads_back_to_those_that_are_there(send: Send) -> None:
    refused = send("/account/security/passkeys/1/rename", name="Laptop")
    assert refused.status_code == 404
    assert 'href="/account/security">Back to Security' in refused.text


# --- recovery codes --------------------------------------------------------------------------------------


def shown_codes(page: TestResponse) -> list[str]:
    return re.findall(r"(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", page.text)


def renew(session: people.SignedIn) -> TestResponse:
    return session.http.post("/api/me/recovery-codes", headers=session.bearer)


def made_at(app: Flask, instant: datetime | None) -> None:
    """Let the codes that are there have been made at that instant."""
    with app.app_context():
        db.session.execute(update(RecoveryCode).values(made_at=instant))
        db.session.commit()


def test_codes_that_a_second_click_shows_stay_when_the_first_is_the_last_to_store_its_own(
    app: Flask, send: Send, code: str, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P13: the browser shows the answer to the second."""
    send(CONFIRM, code=code)
    second: list[TestResponse] = []

    def click_again() -> None:
        clock.shift(0.2)
        second.append(send(RENEW))

    do_before(monkeypatch, recovery_codes, "make", click_again)
    first = send(RENEW)
    assert (first.status_code, shown_codes(first)) == (409, [])
    assert "Newer codes were made a moment ago." in first.text
    assert 'href="/account/security">Back to Security' in first.text
    assert len(events(app, "recovery_codes_made")) == 1
    assert [login(app, shown).status_code for shown in shown_codes(second[0])] == [200] * 10


def test_the_api_refuses_recovery_codes_that_are_older_than_those_there(
    signed_in: people.SignedIn, phone: Phone, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask_again() -> None:
        clock.shift(0.2)
        assert renew(signed_in).status_code == 200

    do_before(monkeypatch, recovery_codes, "make", ask_again)
    assert outcome(renew(signed_in)) == (409, "second_factor_state")
    assert renew(signed_in).status_code == 200


@pytest.mark.parametrize(
    ("ahead", "status"),
    [(None, 200), (-1, 200), (0, 200), (1, 409), (60, 409), (61, 200), (86_400, 200)],
)
def test_new_recovery_codes_wait_for_no_clock_that_is_further_ahead_than_two_hosts_may_be(
    app: Flask, signed_in: people.SignedIn, phone: Phone, ahead: int | None, status: int
) -> None:
    """Codes of which nobody knows when they were made are older."""
    made_at(app, None if ahead is None else utc_now() + timedelta(seconds=ahead))
    assert renew(signed_in).status_code == status
