"""Forms of the second factor that are sent twice, by a double click or a reload, and where what is refused leads."""

import re
from collections.abc import Callable

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.meanwhile import do_before
from tests.support.steps import csrf_token, sign_in_by_form
from webapp import recovery_codes
from webapp.clock import utc_now

BEGIN, CONFIRM, RENEW = (f"/account/security/{form}" for form in ("totp/begin", "totp", "recovery-codes"))
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
