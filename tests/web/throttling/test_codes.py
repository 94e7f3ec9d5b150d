"""How often one may try codes: a thief of the password is slowed down, and the owner's own devices go on."""

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.guessing import attempt, device_cookie, give_code, sign_in_with_code, waiting_for_code
from tests.support.mailbox import Mailbox
from tests.support.recovery import NEW_PASSWORD, forgot, reset
from tests.support.second_factor import STEP, Phone, outcome
from tests.support.steps import DAY, HOUR, MINUTE

pytestmark = pytest.mark.usefixtures("clock")

WRONG, TOO_MANY = (401, "invalid_code"), (429, "too_many_attempts")
THIRD_PASSWORD = "nine silent otters"


def guess(app: Flask, times: int, cookie: str | None = None, password: str = people.PASSWORD) -> None:
    """Give a wrong code so often, each time from another address."""
    for number in range(times):
        reply = attempt(app, cookie, password=password, code="000000", address=f"192.0.2.{number}")
        assert outcome(reply) == WRONG


def test_a_known_device_passes_while_who_knows_the_password_guesses_codes(
    app: Flask, phone: Phone, known: str, clock: time_machine.Traveller
) -> None:
    """A13, P11: at both doors, and with a recovery code."""
    guess(app, 5)
    assert outcome(attempt(app, code=phone.code())) == TOO_MANY
    assert attempt(app, known, code=phone.code()).status_code == 200
    assert attempt(app, known, code=phone.codes[0]).status_code == 200
    clock.shift(STEP)
    assert give_code(waiting_for_code(app), phone.code()).status_code == 429
    assert give_code(waiting_for_code(app, known), phone.code()).location == "/account"


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
    program, page = app.test_client(), waiting_for_code(app)
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
