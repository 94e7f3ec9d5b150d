"""How often one may try passwords at the link that confirms an address: it is a door as the sign-in is."""

import pytest
from flask import Flask

from tests.support import people
from tests.support.guessing import attempt, browser
from tests.support.mailbox import Mailbox
from tests.support.registration import NEW, PASSPHRASE, register
from tests.support.steps import sign_in_by_form, submit

pytestmark = pytest.mark.usefixtures("clock")

WRONG = {"password": "wrong"}


@pytest.fixture
def link(app: Flask, mailbox: Mailbox) -> str:
    """The link of somebody new, whose password is PASSPHRASE."""
    register(app)
    return f"/verify/{mailbox.token('verify', NEW)}"


def fail_elsewhere(app: Flask, times: int) -> None:
    """Fail so often at the sign-in from ELSEWHERE, for an account each."""
    for number in range(times):
        assert attempt(app, password="wrong", email=f"user{number}@test.com").status_code == 401


def test_wrong_passwords_at_a_link_count_as_failed_sign_ins_of_its_account(app: Flask, link: str) -> None:
    """A11: from whatever addresses."""
    statuses = [submit(browser(app, address=f"192.0.2.{number}"), link, WRONG).status_code for number in range(11)]
    assert statuses == [422] * 10 + [429]
    assert not people.users(app)[0].email_verified


def test_wrong_passwords_at_a_link_count_as_failed_sign_ins_of_an_address(app: Flask, link: str) -> None:
    """A11, A12: five there and five at the sign-in are ten at both; the next address goes on."""
    fail_elsewhere(app, 5)
    assert [submit(browser(app), link, WRONG).status_code for _ in range(5)] == [422] * 5
    right = {"password": PASSPHRASE}
    refused = submit(browser(app), link, right)
    assert (refused.status_code, refused.headers["Retry-After"], refused.mimetype) == (429, "300", "text/html")
    assert attempt(app, email=NEW, password=PASSPHRASE).status_code == 429
    assert submit(browser(app, address="203.0.113.1"), link, right).location == "/account"


def test_who_is_signed_in_waits_for_no_failure_of_others(app: Flask, link: str) -> None:
    """A13: the button asks them for no password."""
    http = browser(app)
    sign_in_by_form(http, email=NEW, password=PASSPHRASE)
    fail_elsewhere(app, 10)
    assert submit(http, link).location == "/account"


def test_a_thief_whose_device_is_known_to_another_account_is_known_at_no_link(app: Flask, own: str, link: str) -> None:
    """A11, A13: though the form names that account, which the page never asks for."""
    fail_elsewhere(app, 10)
    assert submit(browser(app, own), link, {**WRONG, "email": people.EMAIL}).status_code == 429
