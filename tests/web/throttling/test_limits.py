"""How often one may try to sign in: each account, each address, all together, and a hundred failures in a row."""

from collections.abc import Callable
from unittest.mock import Mock

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.desk import change
from tests.support.guessing import (
    LOCKED,
    OTHER,
    attempt,
    browser,
    but_its_id,
    device_cookie,
    fail,
    failures_in_a_row,
)
from tests.support.mailbox import Mailbox, text
from tests.support.recovery import NEW_PASSWORD, reset
from tests.support.steps import MINUTE, events, sign_in_by_form
from webapp import authentication
from webapp.errors import InvalidCredentials

pytestmark = pytest.mark.usefixtures("clock")


# --- a hundred in a row ----------------------------------------------------------------------------------


def test_after_a_hundred_failures_in_a_row_the_right_password_lets_no_new_device_in(
    app: Flask, mailbox: Mailbox, own: str, clock: time_machine.Traveller
) -> None:
    """A14, NIST SP 800-63B-4 §3.2.2: the refusal tells nothing, the owner is mailed once, and a link opens it again."""
    failures_in_a_row(app, 85)
    for _ in range(3):
        fail(app, 10)
        clock.shift(5 * MINUTE)
    assert failures_in_a_row(app) == 115
    right, wrong = attempt(app), attempt(app, password="wrong")
    assert but_its_id(right) == but_its_id(wrong)
    assert right.get_json()["code"] == "invalid_credentials"
    assert (attempt(app, own).status_code, attempt(app).status_code) == (200, 401)
    (mail,) = mailbox.deliver()
    assert (mail["To"], mail["Subject"]) == (people.EMAIL, LOCKED)
    assert reset(app, text(mail).split("/reset/")[1].split()[0]) == (204, "")
    assert (attempt(app, password=NEW_PASSWORD).status_code, failures_in_a_row(app)) == (200, 0)


def test_only_a_new_device_that_gets_in_ends_the_row(app: Flask, mailbox: Mailbox, own: str) -> None:
    """A14: the ninety-ninth failure keeps nobody out; what known devices do changes nothing."""
    failures_in_a_row(app, 98)
    fail(app, 1)
    fail(app, 3, own)
    assert (attempt(app, own).status_code, failures_in_a_row(app)) == (200, 99)
    assert (attempt(app).status_code, failures_in_a_row(app)) == (200, 0)
    assert LOCKED not in mailbox.to(people.EMAIL)


def test_nobody_is_told_of_a_lock_where_there_are_no_limits(
    make_app: Callable[..., Flask], mailbox: Mailbox, own: str
) -> None:
    """A14: the right password lets a new device in as before."""
    app = make_app(ratelimit_enabled=False)
    failures_in_a_row(app, 99)
    fail(app, 1)
    assert LOCKED not in mailbox.to(people.EMAIL)
    assert (attempt(app).status_code, failures_in_a_row(app)) == (200, 0)


# --- addresses, all together, and what a refusal tells ---------------------------------------------------


def test_a_refusal_says_how_long_to_wait_and_not_whether_there_is_an_account(app: Flask, user_id: int) -> None:
    """A11, A01."""
    fail(app, 10)
    fail(app, 10, email="nobody@test.com")
    known, unknown = attempt(app), attempt(app, email="nobody@test.com")
    assert but_its_id(known) == but_its_id(unknown)
    assert (known.status_code, known.headers["Retry-After"]) == (429, "300")


def test_a_password_in_the_field_of_the_address_is_not_kept_nor_counted_for_everybody(app: Flask, user_id: int) -> None:
    """A11: whoever has the database could guess it by its hash. The network address is counted all the same."""
    fail(app, 11, email="Correct-Horse-9!")
    fail(app, 1, email="somebody else's")
    assert [event.account_key for event in events(app, "sign_in_failed")] == [None] * 12
    assert [attempt(app, email=f"Horse{number}!").status_code for number in range(11)] == [401] * 10 + [429]


def test_an_account_whose_address_would_be_refused_today_is_counted(app: Flask, user_id: int) -> None:
    """A11, A13: strangers do not keep its known device out."""
    change(app, user_id, email="root", email_key="root")
    own = device_cookie(app, "root")
    fail(app, 10, email="root")
    assert [attempt(app, cookie, email="root").status_code for cookie in (None, own)] == [429, 200]


def test_all_workers_share_the_count_of_an_account(app: Flask, make_app: Callable[..., Flask], user_id: int) -> None:
    """A12."""
    workers = [app, make_app(ratelimit_enabled=True)]
    for worker in workers:
        fail(worker, 5)
    assert [attempt(worker).status_code for worker in workers] == [429, 429]


def test_successes_fill_no_limit_of_an_address_and_empty_none(app: Flask, user_id: int) -> None:
    """A11, A14: or whoever has an account of their own could guess at others without end."""
    for number in range(9):
        assert attempt(app, password="wrong", email=f"user{number}@test.com").status_code == 401
    assert {attempt(app).status_code for _ in range(12)} == {200}
    assert attempt(app, password="wrong", email=OTHER).status_code == 401
    assert (attempt(app).status_code, attempt(app, address="203.0.113.1").status_code) == (429, 200)


def test_a_thousand_failures_of_all_together_let_known_devices_pass_only(
    app: Flask, own: str, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A11, A15: over all addresses, for five minutes."""
    with monkeypatch.context() as spared:  # a thousand rows in the database, which count something else
        spared.setattr(authentication, "authenticate", Mock(side_effect=InvalidCredentials))
        for number in range(1000):
            assert attempt(app, address=f"10.0.{number // 10}.1").status_code == 401
    assert 0 < int(attempt(app).headers["Retry-After"]) <= 300
    assert attempt(app, own).status_code == 200
    clock.shift(5 * MINUTE + 1)
    assert attempt(app).status_code == 200


def test_what_was_never_compared_fills_no_limit(app: Flask, user_id: int) -> None:
    """A11: or a hundred addresses that send nothing at all keep every new device out, at the cost of no hash."""
    http = browser(app)
    for number in range(1000):
        reply = http.post("/api/login", json={}, environ_base={"REMOTE_ADDR": f"10.0.{number // 10}.1"})
        assert reply.status_code == 422
    assert {http.post("/api/login", json={"email": people.EMAIL, "password": ""}).status_code for _ in range(11)} == {
        422
    }
    assert {sign_in_by_form(browser(app), password="").status_code for _ in range(11)} == {422}
    assert attempt(app).status_code == 200
