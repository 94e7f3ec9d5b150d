"""How often one may try codes: a thief of the password is slowed down, and the owner's own devices go on."""

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.guessing import attempt, browser, device_cookie, known_device
from tests.support.mailbox import Mailbox
from tests.support.recovery import NEW_PASSWORD, forgot, reset
from tests.support.second_factor import STEP, Phone, outcome
from tests.support.steps import DAY, HOUR, MINUTE, attribute, field, sign_in_by_form, submit
from webapp import passwords
from webapp.errors import TooBusy

pytestmark = pytest.mark.usefixtures("clock")

WRONG, TOO_MANY = (401, "invalid_code"), (429, "too_many_attempts")
THIRD_PASSWORD = "nine silent otters"


@pytest.fixture
def known(app: Flask, phone: Phone, clock: time_machine.Traveller) -> str:
    """The cookie of John Doe's browser, which has signed in with a code."""
    return sign_in_with_code(app, phone, clock)


def sign_in_with_code(app: Flask, phone: Phone, clock: time_machine.Traveller) -> str:
    """Return the cookie of a new browser that signs in with a code; the next code is another one."""
    http = browser(app)
    body = {"email": people.EMAIL, "password": people.PASSWORD, "code": phone.code(), "transport": "cookie"}
    assert http.post("/api/login", json=body).status_code == 200
    clock.shift(STEP)
    return known_device(http)


def guess(app: Flask, times: int, cookie: str | None = None, password: str = people.PASSWORD) -> None:
    """Give a wrong code so often, each time from another address."""
    for number in range(times):
        reply = attempt(app, cookie, password=password, code="000000", address=f"192.0.2.{number}")
        assert outcome(reply) == WRONG


def waiting(app: Flask, cookie: str | None = None) -> FlaskClient:
    """A browser that has shown the password on the page, and is asked for the code."""
    http = browser(app, cookie)
    assert sign_in_by_form(http).location == "/login/code"
    return http


def give(http: FlaskClient, code: str) -> TestResponse:
    return submit(http, "/login/code", {"code": code})


def test_a_known_device_passes_while_who_knows_the_password_guesses_codes(
    app: Flask, phone: Phone, known: str, clock: time_machine.Traveller
) -> None:
    """A13, P11: at both doors, and with a recovery code."""
    guess(app, 5)
    assert outcome(attempt(app, code=phone.code())) == TOO_MANY
    assert attempt(app, known, code=phone.code()).status_code == 200
    assert attempt(app, known, code=phone.codes[0]).status_code == 200
    clock.shift(STEP)
    assert give(waiting(app), phone.code()).status_code == 429
    assert give(waiting(app, known), phone.code()).location == "/account"


def test_a_thief_who_is_refused_does_not_end_the_owners_sign_in_that_waits(
    app: Flask, phone: Phone, known: str
) -> None:
    """A13, P11: only the thief's own."""
    thief, owner = waiting(app), waiting(app, known)
    with thief.session_transaction() as form_session:
        kept = dict(form_session)
    assert [give(thief, "000000").status_code for _ in range(6)] == [422] * 5 + [429]
    with thief.session_transaction() as form_session:
        form_session.update(kept)
    assert give(thief, phone.code()).location == "/login?next=/account&reason=code_ended"
    assert give(owner, phone.code()).location == "/account"


def test_a_wait_for_codes_leads_to_a_new_sign_in_and_on_to_where_the_old_one_led(
    app: Flask, phone: Phone, clock: time_machine.Traveller
) -> None:
    """P11: the sign-in that waited is over, so that its page would take no code."""
    http = browser(app)
    sign_in_by_form(http, next="/account/security")
    refused = [give(http, "000000") for _ in range(6)][-1]
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "300")
    assert 'href="/login?next=/account/security">Sign in again' in refused.text
    assert http.get("/login/code").location == "/login"
    clock.shift(5 * MINUTE)
    page = http.get("/login?next=/account/security")
    assert sign_in_by_form(http, next=attribute(field(page, "next"), "value")).location == "/login/code"
    assert give(http, phone.code()).location == "/account/security"


def test_a_busy_server_ends_no_sign_in_that_waits(app: Flask, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    http = waiting(app)

    def refuse(*_: object) -> bool:
        raise TooBusy(retry_after=1)

    with monkeypatch.context() as busy:
        busy.setattr(passwords, "verify_password", refuse)
        assert give(http, phone.codes[0]).status_code == 503
    assert give(http, phone.codes[0]).location == "/account"


def test_a_known_device_guesses_on_its_own_account(
    app: Flask, phone: Phone, known: str, clock: time_machine.Traveller
) -> None:
    """P11: as often as strangers, for whom it fills nothing, nor for another device of the user."""
    other = sign_in_with_code(app, phone, clock)
    guess(app, 5, known)
    refused = attempt(app, known, code=phone.code())
    assert (outcome(refused), refused.headers["Retry-After"]) == (TOO_MANY, "300")
    assert attempt(app, other, code=phone.code()).status_code == 200
    clock.shift(STEP)
    assert attempt(app, code=phone.code()).status_code == 200


def test_the_password_alone_makes_no_device_known(app: Flask, phone: Phone) -> None:
    """P11: or each sign-in that waits would bring five more guesses."""
    body = {"email": people.EMAIL, "password": people.PASSWORD, "transport": "cookie"}
    program, page = app.test_client(), waiting(app)
    assert outcome(program.post("/api/login", json=body)) == (401, "mfa_required")
    assert [http.get_cookie("known_device") for http in (program, page)] == [None, None]


def test_devices_known_from_before_the_second_factor_guess_on_one_account(
    app: Flask, own: str, user_id: int, request: pytest.FixtureRequest
) -> None:
    """P11: who had the password then may have a hundred of their cookies; a stranger who has none fills nothing."""
    others = [device_cookie(app) for _ in range(2)]
    phone: Phone = request.getfixturevalue("phone")
    guess(app, 5)
    guess(app, 3, others[0])
    assert attempt(app, own, code=phone.code()).status_code == 200
    guess(app, 2, others[1])
    assert {outcome(attempt(app, cookie, code=phone.code(1))) for cookie in (own, *others)} == {TOO_MANY}


def test_a_device_that_the_account_has_forgotten_guesses_as_strangers_do(
    app: Flask, mailbox: Mailbox, phone: Phone, known: str, clock: time_machine.Traveller
) -> None:
    """P06, P11."""
    forgot(app)
    assert reset(app, mailbox.token("reset"))[0] == 204
    clock.shift(1)
    guess(app, 5, known, NEW_PASSWORD)
    assert outcome(attempt(app, password=NEW_PASSWORD, code=phone.code())) == TOO_MANY


def test_a_reset_lets_in_whom_wrong_codes_have_kept_out_once_a_day(
    app: Flask, mailbox: Mailbox, phone: Phone, clock: time_machine.Traveller
) -> None:
    """P06, P11: the thief knows the password no more; whoever reads the mail cannot have fifty guesses after each."""
    sign_ins = []
    for password in (NEW_PASSWORD, THIRD_PASSWORD):
        guess(app, 5, password=NEW_PASSWORD if sign_ins else people.PASSWORD)
        clock.shift(1)
        forgot(app)
        assert reset(app, mailbox.token("reset"), password)[0] == 204
        sign_ins.append(outcome(attempt(app, password=password, code=phone.code())))
        clock.shift(MINUTE)
    assert sign_ins == [(200, ""), TOO_MANY]
    clock.shift(DAY)
    guess(app, 5, password=THIRD_PASSWORD)
    forgot(app)
    assert reset(app, mailbox.token("reset"))[0] == 204
    assert attempt(app, password=NEW_PASSWORD, code=phone.code()).status_code == 200


def test_fifty_wrong_codes_are_a_days_though_no_hour_had_many(
    app: Flask, phone: Phone, clock: time_machine.Traveller
) -> None:
    """P11: ten a little over each hour; until the first of them is a day old."""
    for _ in range(10):
        guess(app, 5)
        clock.shift(HOUR // 2 + MINUTE)
    clock.shift(HOUR)
    refused = attempt(app, code=phone.code())
    wait = DAY - HOUR - 10 * (HOUR // 2 + MINUTE)
    assert (outcome(refused), refused.headers["Retry-After"]) == (TOO_MANY, str(wait))
    clock.shift(wait - 1)
    assert outcome(attempt(app, code=phone.code())) == TOO_MANY
    clock.shift(1)
    assert attempt(app, code=phone.code()).status_code == 200


def test_a_refusal_names_the_longest_wait_of_the_rules_that_are_full(
    app: Flask, phone: Phone, clock: time_machine.Traveller
) -> None:
    """A11: five in five minutes and twenty in an hour; whoever comes back then is let in."""
    for _ in range(4):
        clock.shift(5 * MINUTE)
        guess(app, 5)
    refused = attempt(app, code=phone.code())
    assert (outcome(refused), refused.headers["Retry-After"]) == (TOO_MANY, str(HOUR - 15 * MINUTE))
    clock.shift(HOUR - 15 * MINUTE)
    assert attempt(app, code=phone.code()).status_code == 200
