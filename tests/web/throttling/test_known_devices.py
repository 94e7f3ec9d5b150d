"""How often one may try to sign in: strangers are slowed down, and the owner's own devices go on."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from itsdangerous import URLSafeSerializer

from tests.support import people
from tests.support.desk import change
from tests.support.guessing import ELSEWHERE, OTHER, attempt, browser, device_cookie, fail, failures_in_a_row
from tests.support.settings import SECRET_KEY
from tests.support.steps import DAY, START, sign_in_by_form

pytestmark = pytest.mark.usefixtures("clock")


def test_a_known_device_passes_while_strangers_are_throttled_at_both_doors(app: Flask, own: str) -> None:
    """A13: and at the address from which the strangers have failed."""
    fail(app, 10)
    for number in range(10):
        attempt(app, password="wrong", email=f"user{number}@test.com")
    assert [attempt(app, address=address).status_code for address in (ELSEWHERE, "203.0.113.1")] == [429, 429]
    assert attempt(app, own).status_code == 200
    assert [sign_in_by_form(browser(app, cookie)).status_code for cookie in (own, None)] == [303, 429]
    assert attempt(app, own, email=OTHER).status_code == 429


def test_a_known_device_fails_on_its_own_account(app: Flask, own: str) -> None:
    """A13, A11: ten times too; neither strangers nor another device of the user wait for it."""
    other = device_cookie(app)
    fail(app, 10, own)
    assert attempt(app, own).headers["Retry-After"] == "300"
    assert (attempt(app, other).status_code, attempt(app).status_code) == (200, 200)
    assert failures_in_a_row(app) == 0


def test_a_device_is_known_for_180_days(app: Flask, own: str, clock: time_machine.Traveller) -> None:
    """A13."""
    clock.shift(180 * DAY - 1)
    fail(app, 10)
    assert attempt(app, own).status_code == 200
    clock.shift(1)
    assert attempt(app, own).status_code == 429


def test_a_cookie_that_names_another_account_or_that_we_have_not_signed_passes_nothing(
    app: Flask, own: str, user_id: int
) -> None:
    """A13: other accounts, other keys, other purposes, pieces, other cookies."""
    people.create_user(app, OTHER)
    value = {"n": "nonce", "u": {str(user_id): int(START.timestamp())}}
    forged = {
        "of another account": device_cookie(app, OTHER),
        "signed with another key": URLSafeSerializer("x" * 32, salt="known device").dumps(value),
        "signed for another purpose": URLSafeSerializer(SECRET_KEY, salt="session").dumps(value),
        "unsigned": own.partition(".")[0],
        "a refresh token": people.sign_in(app.test_client()).refresh or "",
    }
    assert URLSafeSerializer(SECRET_KEY, salt="known device").loads(own)["u"] == value["u"]
    fail(app, 10)
    answers = {what: attempt(app, str(cookie)).status_code for what, cookie in forged.items()}
    assert answers == dict.fromkeys(forged, 429)
    assert attempt(app, own).status_code == 200


def test_a_device_does_not_know_whom_a_restored_database_gives_the_number_of_its_user(
    app: Flask, own: str, user_id: int
) -> None:
    """A13: strangers' failures keep it out, as they do any other new device."""
    change(app, user_id, created_at=START + timedelta(seconds=1))
    fail(app, 10)
    assert attempt(app, own).status_code == 429
