"""Devices that an account no longer knows: a new password makes it forget them, and what strangers have failed at."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from tests.support import people
from tests.support.guessing import attempt, browser, device_cookie, fail, known_device
from tests.support.mailbox import Mailbox
from tests.support.meanwhile import do_before
from tests.support.recovery import NEW_PASSWORD, forgot, recover, reset
from tests.support.steps import MINUTE, START, sign_in_by_form, submit
from webapp import passwords
from webapp.database import db
from webapp.models import User

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.parametrize("what", ["reset", "not me"])
def test_a_reset_and_a_sign_in_that_was_not_me_make_the_account_forget_its_devices(
    app: Flask, mailbox: Mailbox, own: str, clock: time_machine.Traveller, what: str
) -> None:
    """A13, P06: whoever knew the password may have had cookies; who signs in afterwards is known again."""
    other = device_cookie(app)
    clock.shift(MINUTE)
    if what == "reset":
        forgot(app)
        assert reset(app, mailbox.token("reset")) == (204, "")
    else:
        assert attempt(app).status_code == 200
        recover(app, f"/not-me/{mailbox.token('not-me')}")
    clock.shift(MINUTE)
    again = browser(app, own)
    sign_in_by_form(again, password=NEW_PASSWORD)
    renewed = known_device(again)
    fail(app, 10, own)
    answers = [attempt(app, cookie, password=NEW_PASSWORD).status_code for cookie in (own, other, renewed, None)]
    assert answers == [429, 429, 200, 200], "those that were forgotten count together"


def change_by_api(http: FlaskClient) -> None:
    body = {"current_password": people.PASSWORD, "new_password": NEW_PASSWORD}
    session = people.sign_in(http, transport="cookie")
    assert http.post("/api/me/password", json=body, headers=session.bearer).status_code == 204


def change_by_page(http: FlaskClient) -> None:
    form = {"current_password": people.PASSWORD, "new_password": NEW_PASSWORD}
    sign_in_by_form(http)
    assert submit(http, "/account/security/password", form, form="/account/security").status_code == 303


@pytest.mark.parametrize("change", [change_by_api, change_by_page])
@pytest.mark.parametrize("earlier", [0, 0.3, MINUTE])
def test_a_change_of_password_makes_the_account_forget_every_device_but_the_one_that_made_it(
    app: Flask, own: str, clock: time_machine.Traveller, change: Callable[[FlaskClient], None], earlier: float
) -> None:
    """A13, V05: a thief who knew the old one has as many cookies as they signed in, and ten guesses with each."""
    cookies_of_thief = [own, *(device_cookie(app) for _ in range(2))]
    clock.shift(earlier)
    http = app.test_client()
    change(http)
    clock.shift(1)
    fail(app, 10, own)
    assert [attempt(app, cookie, password=NEW_PASSWORD).status_code for cookie in cookies_of_thief] == [429] * 3
    assert attempt(app, known_device(http), password=NEW_PASSWORD).status_code == 200


def test_strangers_who_go_on_failing_keep_no_device_out_that_a_change_of_password_has_forgotten(
    app: Flask, own: str, clock: time_machine.Traveller
) -> None:
    """A13: the owner's phone, after the password was changed on the laptop."""
    clock.shift(MINUTE)
    change_by_api(app.test_client())
    clock.shift(1)
    fail(app, 10)
    assert [attempt(app, cookie, password=NEW_PASSWORD).status_code for cookie in (None, own)] == [429, 200]


def test_a_host_whose_clock_is_behind_counts_failures_all_the_same(app: Flask, user_id: int) -> None:
    """A11: the password was changed a minute ahead of it."""
    with app.app_context():
        db.session.execute(update(User).values(devices_forgotten_at=START + timedelta(minutes=1)))
        db.session.commit()
    fail(app, 10)
    assert attempt(app).status_code == 429


def test_a_new_password_forgives_what_strangers_have_failed_at_before(
    app: Flask, mailbox: Mailbox, user_id: int, clock: time_machine.Traveller
) -> None:
    """A13, P06: the page that says "too many attempts" names the way that ends them."""
    fail(app, 10)
    assert attempt(app).status_code == 429
    forgot(app)
    assert reset(app, mailbox.token("reset")) == (204, "")
    assert attempt(app, password=NEW_PASSWORD).status_code == 200
    clock.shift(1)
    fail(app, 10)
    assert attempt(app, password=NEW_PASSWORD).status_code == 429


@pytest.fixture
def stolen(app: Flask, user_id: int, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cookie of a thief who signs in while the next password waits for its hash, two seconds after the request."""
    found = list[str]()

    def sign_in_later() -> None:
        clock.shift(2)
        found.append(device_cookie(app))

    do_before(monkeypatch, passwords, "hash_password", sign_in_later)
    return found


def test_who_signs_in_with_the_old_password_while_it_is_changed_is_forgotten_too(
    app: Flask, own: str, stolen: list[str], clock: time_machine.Traveller
) -> None:
    """A13, V05: their cookie is younger than the request that changes it. A reset's link is useless after a sign-in."""
    http = app.test_client()
    change_by_api(http)
    clock.shift(1)
    fail(app, 10, own)
    answers = [attempt(app, cookie, password=NEW_PASSWORD).status_code for cookie in (*stolen, known_device(http))]
    assert answers == [429, 200], "it counts with all that were forgotten"
