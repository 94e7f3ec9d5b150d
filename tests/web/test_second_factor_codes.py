"""The codes of a second factor: which of them are taken, how often, and how many wrong ones."""

import re
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.meanwhile import elsewhere
from tests.support.recovery import NEW_PASSWORD, reset
from tests.support.second_factor import Phone, login, outcome, set_up
from tests.support.steps import HOUR, MINUTE, csrf_token, events
from webapp import passwords, recovery_codes, session_state

pytestmark = pytest.mark.usefixtures("clock")


# --- codes -----------------------------------------------------------------------------------------------


def test_a_code_is_taken_once(app: Flask, phone: Phone) -> None:
    """P10."""
    code = phone.code()
    assert login(app, code).status_code == 200
    assert outcome(login(app, code)) == (401, "invalid_code")


@pytest.mark.parametrize(("steps", "expected"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
def test_a_code_of_the_step_before_or_after_is_taken_too(app: Flask, phone: Phone, clock, steps, expected) -> None:  # type: ignore[no-untyped-def]
    """P10: clocks differ."""
    clock.shift(5 * MINUTE)
    assert login(app, phone.code(steps)).status_code == expected


def test_an_older_code_is_refused_after_a_newer_one(app: Flask, phone: Phone, clock: time_machine.Traveller) -> None:
    """P10: the counter never goes back."""
    clock.shift(5 * MINUTE)
    older, newer = phone.code(-1), phone.code(1)
    assert login(app, newer).status_code == 200
    assert outcome(login(app, older)) == (401, "invalid_code")


@pytest.mark.parametrize("spelling", ["{0}{1}", "{0} {1}", " {0}{1} ", "{0}\u2009{1}"])
def test_a_code_may_be_typed_with_spaces(app: Flask, phone: Phone, spelling: str) -> None:
    code = phone.code()
    assert login(app, spelling.format(code[:3], code[3:])).status_code == 200


@pytest.mark.parametrize(
    "code", ["", "0", "12345", "1234567", "\u0661\u0662\u0663\u0664\u0665\u0666", "x" * 64, "-" * 19]
)
def test_what_is_no_code_is_refused(app: Flask, phone: Phone, code: str) -> None:
    assert login(app, code).status_code == 401


def test_each_recovery_code_signs_in_once(app: Flask, phone: Phone) -> None:
    """P13: ten codes of 80 bits, in whatever case and grouping."""
    assert len(set(phone.codes)) == 10
    assert all(re.fullmatch(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}", code) for code in phone.codes)
    spellings = (str, str.lower, lambda code: code.replace("-", ""), lambda code: code.replace("-", " "))
    for code, spelled in zip(phone.codes[:4], spellings, strict=True):
        assert login(app, spelled(code)).status_code == 200
        assert outcome(login(app, code)) == (401, "invalid_code")
    assert len(events(app, "recovery_code_used")) == 4


def test_new_recovery_codes_replace_the_old_ones(app: Flask, signed_in: people.SignedIn, phone: Phone) -> None:
    """P13."""
    new = signed_in.http.post("/api/me/recovery-codes", headers=signed_in.bearer).json["recovery_codes"]
    assert not set(new) & set(phone.codes)
    assert outcome(login(app, phone.codes[0])) == (401, "invalid_code")
    assert login(app, new[0]).status_code == 200


def test_a_code_that_is_replaced_while_it_is_compared_uses_up_none_of_the_new_ones(
    app: Flask, signed_in: people.SignedIn, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P13: nor does it sign in."""
    verify, new = passwords.verify_password, list[str]()

    def verify_late(stored: str | None, password: str) -> bool:
        if password == phone.codes[0] and not new:
            renewed = elsewhere(signed_in.http.post, "/api/me/recovery-codes", headers=signed_in.bearer)
            new.extend(renewed.json["recovery_codes"])
        return verify(stored, password)

    monkeypatch.setattr(passwords, "verify_password", verify_late)
    assert outcome(login(app, phone.codes[0])) == (401, "invalid_code")
    assert [login(app, code).status_code for code in new] == [200] * 10


def test_new_recovery_codes_are_mailed_and_taken_back_by_who_has_not_made_them(
    app: Flask, signed_in: people.SignedIn, phone: Phone, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """P09, P13: whoever made them could get in by them again, past the second factor that stays the owner's."""
    mailbox.deliver()
    clock.shift(MINUTE)
    codes = signed_in.http.post("/api/me/recovery-codes", headers=signed_in.bearer).json["recovery_codes"]
    http, link = app.test_client(), f"/not-me/{mailbox.token('not-me', people.EMAIL)}"
    reply = http.post(link, data={"csrf_token": csrf_token(http.get(link))})
    assert outcome(signed_in.me()) == (401, "session_ended")
    assert "Taken away, because it was added since: the recovery codes." in http.get(reply.location).text
    assert reset(app, reply.location.split("/reset/")[1])[0] == 204
    assert outcome(login(app, codes[0], password=NEW_PASSWORD)) == (401, "invalid_code")
    assert login(app, phone.code(1), password=NEW_PASSWORD).status_code == 200
    assert len(events(app, "recovery_codes_removed")) == 1


def test_a_session_that_its_owner_ends_meanwhile_has_no_new_codes(
    app: Flask, signed_in: people.SignedIn, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P13, V04: ten codes take long to hash."""
    make = recovery_codes.make

    def make_late() -> tuple[list[str], list[str]]:
        assert signed_in.http.post("/api/logout", headers=signed_in.bearer).status_code == 204
        return make()

    monkeypatch.setattr(recovery_codes, "make", make_late)
    reply = signed_in.http.post("/api/me/recovery-codes", headers=signed_in.bearer)
    assert outcome(reply) == (401, "session_ended")
    assert login(app, phone.codes[0]).status_code == 200


def test_a_session_cannot_end_between_being_looked_at_and_its_new_codes(
    app: Flask, signed_in: people.SignedIn, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P13, V04: on SQLite too, which locks no row that is only read."""
    look = session_state.lock_unended
    sign_out = Thread(target=lambda: app.test_client().post("/api/logout", headers=signed_in.bearer))

    def look_and_wait(db: Any, sid: str) -> None:
        look(db, sid)
        sign_out.start()
        sign_out.join(1)
        assert sign_out.is_alive()

    monkeypatch.setattr(session_state, "lock_unended", look_and_wait)
    codes = signed_in.http.post("/api/me/recovery-codes", headers=signed_in.bearer).json["recovery_codes"]
    sign_out.join()
    assert outcome(signed_in.me()) == (401, "session_ended")
    assert login(app, codes[0]).status_code == 200


def test_another_users_code_is_nobodys(app: Flask, phone: Phone, clock: time_machine.Traveller) -> None:
    people.create_user(app, "other@test.com")
    other = set_up(people.sign_in(app.test_client(), email="other@test.com"))
    for code in (other.code(1), other.codes[0]):
        assert outcome(login(app, code)) == (401, "invalid_code")


# --- limits ----------------------------------------------------------------------------------------------


def test_wrong_codes_are_counted_per_user_over_sessions_addresses_and_doors(
    make_app: Callable[..., Flask], clock: time_machine.Traveller
) -> None:
    """P11: five in five minutes, twenty in an hour; the right code waits too; being asked for one is no failure."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    phone = set_up(people.sign_in(app.test_client()))
    clock.shift(MINUTE)
    addresses = iter(f"192.0.2.{number}" for number in range(1, 250))

    def attempt(code: str | None) -> TestResponse:
        body = {"email": people.EMAIL, "password": people.PASSWORD, **({"code": code} if code else {})}
        return app.test_client().post("/api/login", json=body, environ_base={"REMOTE_ADDR": next(addresses)})

    assert [attempt(None).status_code for _ in range(20)] == [401] * 20
    for wait in ("300", "300", "300", "2700"):  # the longer one of the two, where both refuse
        assert [attempt("000000").status_code for _ in range(5)] == [401] * 5
        refused = attempt(phone.code())
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, wait)
        clock.shift(5 * MINUTE)
    assert attempt(phone.code()).status_code == 429
    clock.shift(HOUR)
    assert attempt(phone.code()).status_code == 200


def test_asking_for_a_code_fills_no_limit_of_the_address(make_app: Callable[..., Flask]) -> None:
    """P11: who has a second factor is asked for it at every sign-in."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    set_up(people.sign_in(app.test_client()))
    assert {outcome(login(app)) for _ in range(15)} == {(401, "mfa_required")}
