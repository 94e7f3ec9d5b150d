"""What is written down and told of a password that was right and codes that were not (ASVS 6.3.5)."""

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.guessing import attempt, browser, known_device
from tests.support.mailbox import Mailbox
from tests.support.meanwhile import do_before
from tests.support.recovery import NEW_PASSWORD, forgot, reset
from tests.support.second_factor import STEP, Phone, outcome, set_up
from tests.support.steps import DAY, HOUR, MINUTE, events, sign_in_by_form, submit
from webapp import one_time_tokens

TOLD = "Somebody may know your password"

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def owner(app: Flask, phone: Phone, mailbox: Mailbox, clock: time_machine.Traveller) -> str:
    """The cookie of John Doe's browser, which has signed in with a code; all mail about it is out."""
    http = browser(app)
    body = {"email": people.EMAIL, "password": people.PASSWORD, "code": phone.code(), "transport": "cookie"}
    assert http.post("/api/login", json=body).status_code == 200
    clock.shift(STEP)
    mailbox.deliver()
    return known_device(http)


def guess(app: Flask, times: int, cookie: str | None = None, **fields: str) -> None:
    for _ in range(times):
        assert outcome(attempt(app, cookie, code="000000", **fields)) == (401, "invalid_code")


def test_a_right_password_without_its_code_is_written_down_once_at_each_door(app: Flask, phone: Phone) -> None:
    assert outcome(attempt(app)) == (401, "mfa_required")
    sign_in_by_form(browser(app))
    (api, page) = events(app, "code_asked")
    assert {(event.user_id, event.actor_id) for event in (api, page)} == {(1, None)}
    attempt(app, code=phone.code())
    attempt(app, code="000000")
    assert len(events(app, "code_asked")) == 2, "who gives a code with the password is not asked for it"


def test_the_owner_is_told_of_the_fifth_wrong_code_of_a_device_that_has_shown_none(
    app: Flask, owner: str, mailbox: Mailbox
) -> None:
    """At whichever door each was given, and of wrong recovery codes too."""
    thief = browser(app)
    sign_in_by_form(thief)
    submit(thief, "/login/code", {"code": "AAAA-AAAA-AAAA-AAAA"})
    guess(app, 3)
    assert mailbox.to(people.EMAIL) == []
    guess(app, 1)
    (mail,) = mailbox.deliver()
    assert (mail["To"], mail["Subject"]) == (people.EMAIL, TOLD)
    assert [event.detail for event in events(app, "code_failed")].count({"owner_told": True}) == 1


def test_the_owner_is_told_once_a_day(app: Flask, owner: str, mailbox: Mailbox, clock: time_machine.Traveller) -> None:
    told = []
    for _ in range(9):
        guess(app, 5)
        told.append(mailbox.to(people.EMAIL))
        clock.shift(3 * HOUR)
    assert told == [[TOLD]] + [[]] * 7 + [[TOLD]]


def test_wrong_codes_of_the_owners_own_browser_are_not_told(app: Flask, owner: str, mailbox: Mailbox) -> None:
    guess(app, 4)
    guess(app, 5, owner)
    assert mailbox.to(people.EMAIL) == []


def test_five_wrong_codes_in_more_than_a_day_are_not_told(
    app: Flask, owner: str, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    guess(app, 1)
    clock.shift(DAY)
    guess(app, 4)
    assert mailbox.to(people.EMAIL) == []


def test_devices_from_before_the_second_factor_count_with_strangers(
    app: Flask, own: str, signed_in: people.SignedIn, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """Whoever had the password then may have signed in with it."""
    clock.shift(MINUTE)
    set_up(signed_in)
    mailbox.deliver()
    guess(app, 4, own)
    guess(app, 1)
    assert mailbox.to(people.EMAIL) == [TOLD]


def test_wrong_codes_of_who_sets_the_factor_up_do_not_count(
    app: Flask, signed_in: people.SignedIn, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """Nor do they tell of anybody: nothing is asked for yet at the door."""
    signed_in.http.post("/api/me/totp", headers=signed_in.bearer)
    for _ in range(5):
        wrong = {"code": "000000"}
        signed_in.http.post("/api/me/totp/confirm", json=wrong, headers=signed_in.bearer)
    assert mailbox.to(people.EMAIL) == []
    clock.shift(5 * MINUTE)
    set_up(signed_in)
    mailbox.deliver()
    clock.shift(MINUTE)
    guess(app, 1)
    assert mailbox.to(people.EMAIL) == []


def test_a_wrong_code_of_a_factor_that_is_off_by_then_is_refused_as_any(
    app: Flask, owner: str, signed_in: people.SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recovery codes take long to compare."""
    off = {"json": {"password": people.PASSWORD}, "headers": signed_in.bearer}
    do_before(monkeypatch, one_time_tokens, "lock_owner", lambda: signed_in.http.delete("/api/me/totp", **off))
    assert outcome(attempt(app, code="AAAA-AAAA-AAAA-AAAA")) == (401, "invalid_code")


def test_wrong_codes_behind_an_earlier_password_do_not_count(
    app: Flask, owner: str, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    guess(app, 4)
    clock.shift(1)
    forgot(app)
    assert reset(app, mailbox.token("reset"))[0] == 204
    mailbox.deliver()
    clock.shift(1)
    guess(app, 1, password=NEW_PASSWORD)
    assert mailbox.to(people.EMAIL) == []
    guess(app, 4, password=NEW_PASSWORD)
    assert mailbox.to(people.EMAIL) == [TOLD]
