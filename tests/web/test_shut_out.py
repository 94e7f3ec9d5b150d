"""A sign-in that waits for its code opens nothing once the owner has shut out the password that it has shown."""

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.desk import change
from tests.support.mailbox import Mailbox
from tests.support.meanwhile import elsewhere
from tests.support.recovery import THIEF, move_to, reset, use
from tests.support.second_factor import Phone
from tests.support.steps import DAY, MINUTE, events, is_signed_in, sign_in_by_form, submit
from webapp import passwords

pytestmark = pytest.mark.usefixtures("clock")

AGAIN = "/login?next=/account&reason=code_ended"


def waiting(app: Flask, email: str = people.EMAIL) -> FlaskClient:
    http = app.test_client()
    assert sign_in_by_form(http, email=email).location == "/login/code"
    return http


def of_sign_in(app: Flask, mailbox: Mailbox, phone: Phone) -> str:
    """Somebody signs in with password and code; return the path of the link that was mailed."""
    mailbox.deliver()
    body = {"email": people.EMAIL, "password": people.PASSWORD, "code": phone.code()}
    assert app.test_client().post("/api/login", json=body, headers={"User-Agent": "thief"}).status_code == 200
    return f"/not-me/{mailbox.token('not-me', people.EMAIL)}"


@pytest.mark.parametrize("deed", ["not me", "undo"])
def test_a_remedy_ends_a_sign_in_that_waits_for_its_code(
    app: Flask, mailbox: Mailbox, phone: Phone, signed_in: people.SignedIn, deed: str
) -> None:
    """P11, P14: no code of it is looked at any more, and it does not spoil the link to a new password."""
    if deed == "not me":
        path = of_sign_in(app, mailbox, phone)
    else:
        move_to(app, mailbox, THIEF, of=signed_in)
        path = f"/undo/{mailbox.token('undo', people.EMAIL)}"
    thief = waiting(app, people.EMAIL if deed == "not me" else THIEF)
    other = waiting(app, people.EMAIL if deed == "not me" else THIEF)
    owner = use(app, path)
    assert submit(other, "/login/code", {"code": "no code"}).location == AGAIN
    assert events(app, "code_failed") == []
    assert submit(thief, "/login/code", {"code": phone.codes[0]}).location == AGAIN
    assert not is_signed_in(thief)
    assert reset(app, owner.location.removeprefix("/reset/")) == (204, "")


def test_a_remedy_ends_a_sign_in_whose_code_is_being_compared(
    app: Flask, mailbox: Mailbox, phone: Phone, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P11, V04: recovery codes take long, and meanwhile nothing is locked."""
    clock.shift(DAY)
    path, thief, led_to = of_sign_in(app, mailbox, phone), waiting(app), []
    verify = passwords.verify_password

    def disown_meanwhile(stored: str | None, given: str) -> bool:
        if given in phone.codes:
            monkeypatch.setattr(passwords, "verify_password", verify)
            led_to.append(elsewhere(use, app, path).location)
        return verify(stored, given)

    monkeypatch.setattr(passwords, "verify_password", disown_meanwhile)
    assert submit(thief, "/login/code", {"code": phone.codes[0]}).location == AGAIN
    assert not is_signed_in(thief)
    assert reset(app, led_to[0].removeprefix("/reset/")) == (204, "")


def test_who_has_no_password_any_more_is_not_signed_in_by_a_code(
    app: Flask, phone: Phone, user_id: int, clock: time_machine.Traveller
) -> None:
    """P11: whatever has let the sign-in wait on; nor is the code used up."""
    clock.shift(MINUTE)
    http = waiting(app)
    change(app, user_id, password_hash=passwords.NO_PASSWORD)
    assert submit(http, "/login/code", {"code": phone.codes[0]}).location == AGAIN
    assert (is_signed_in(http), events(app, "recovery_code_used")) == (False, [])
