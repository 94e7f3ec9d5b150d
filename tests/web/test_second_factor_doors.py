"""Every door asks for the second factor, and a sign-in that waits for its code opens nothing else."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.recovery import NEW_PASSWORD, forgot, reset
from tests.support.second_factor import Phone, login, outcome, set_up
from tests.support.steps import (
    MINUTE,
    START,
    alert,
    csrf_token,
    current_sid,
    is_signed_in,
    refresh,
    sign_in_by_form,
    submit,
)
from webapp import administrators, passwords
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import OneTimeToken, User

AGAIN = "/login?next=/account/sessions&reason=code_ended"

pytestmark = pytest.mark.usefixtures("clock")


def waiting(app: Flask) -> FlaskClient:
    """A browser that has shown the password and is asked for the code."""
    http = app.test_client()
    reply = sign_in_by_form(http, next="/account/sessions")
    assert reply.headers["Location"] == "/login/code"
    assert not is_signed_in(http)
    return http


def test_the_form_asks_for_the_code_on_a_page_of_its_own(app: Flask, phone: Phone) -> None:
    """P14."""
    http = waiting(app)
    page = http.get("/login/code")
    assert 'autocomplete="one-time-code"' in page.text
    wrong = submit(http, "/login/code", {"code": "000000"})
    assert (wrong.status_code, "not right" in alert(wrong)) == (422, True)
    reply = submit(http, "/login/code", {"code": phone.code()})
    assert (reply.status_code, reply.headers["Location"]) == (303, "/account/sessions")
    assert is_signed_in(http)


def test_a_sign_in_that_waits_opens_nothing_else(app: Flask, phone: Phone) -> None:
    """P11: as a token of the API, as a cookie of a page."""
    http = waiting(app)
    with http.session_transaction() as form_session:
        token = form_session["pending_sign_in"]["token"]
    assert http.get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    for how in ("cookie", "bearer", "body"):
        assert refresh(app.test_client(), token, how).status_code == 401
    for route in ("/api/password/reset", "/api/email/verify"):
        body = {"token": token, **({"password": "seven quiet hedges"} if "reset" in route else {})}
        assert outcome(app.test_client().post(route, json=body)) == (400, "invalid_link")


@pytest.mark.parametrize(("age", "is_in"), [(5 * MINUTE - 1, True), (5 * MINUTE, False)])
def test_a_sign_in_waits_five_minutes(
    app: Flask, phone: Phone, clock: time_machine.Traveller, age: int, is_in: bool
) -> None:
    """P11."""
    http = waiting(app)
    token = csrf_token(http.get("/login/code"))
    clock.shift(age)
    reply = http.post("/login/code", data={"csrf_token": token, "code": phone.code()})
    assert (reply.status_code, is_signed_in(http)) == (303, is_in)
    assert reply.headers["Location"] == ("/account/sessions" if is_in else AGAIN)


def test_a_sign_in_that_waited_is_used_up(app: Flask, phone: Phone, clock: time_machine.Traveller) -> None:
    """P11: by success, and by a new password."""
    http, late = waiting(app), waiting(app)
    with http.session_transaction() as form_session:
        kept = dict(form_session)
    assert submit(http, "/login/code", {"code": phone.code()}).status_code == 303
    clock.shift(MINUTE)
    again = app.test_client()
    with again.session_transaction() as form_session:
        form_session.update(kept)
    assert submit(again, "/login/code", {"code": phone.code()}).headers["Location"] == AGAIN
    sid = current_sid(http)
    change = {"current_password": people.PASSWORD, "new_password": "seven quiet hedges"}
    assert submit(http, "/account/security/password", change, form="/account/security").status_code == 303
    assert submit(late, "/login/code", {"code": phone.code()}).headers["Location"] == AGAIN
    assert current_sid(http) == sid


def test_too_many_wrong_codes_end_the_sign_in_that_waits(make_app: Callable[..., Flask]) -> None:
    """P11."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    set_up(people.sign_in(app.test_client()))
    http = waiting(app)
    statuses = [submit(http, "/login/code", {"code": "000000"}).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    with app.app_context():
        assert None not in db.session.scalars(select(OneTimeToken.used_at)).all()


def test_strangers_who_fill_the_limit_of_an_address_do_not_keep_the_code_out(make_app: Callable[..., Flask]) -> None:
    """A13: who is asked for a code has shown the password; codes are counted per user and device."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    phone = set_up(people.sign_in(app.test_client()))
    http = waiting(app)
    for number in range(11):
        body = {"email": f"nobody{number}@test.com", "password": "wrong"}
        status = app.test_client().post("/api/login", json=body).status_code
    assert status == 429
    with time_machine.travel(START + timedelta(minutes=1), tick=False):
        assert submit(http, "/login/code", {"code": phone.code()}).status_code == 303
        assert is_signed_in(http)


def test_a_reset_password_still_needs_the_code(app: Flask, phone: Phone, mailbox: Mailbox) -> None:
    """P06, P14."""
    forgot(app)
    token = mailbox.token("reset")
    body = {"token": token, "password": "seven quiet hedges"}
    assert app.test_client().post("/api/password/reset", json=body).status_code == 204
    assert outcome(login(app, password="seven quiet hedges")) == (401, "mfa_required")
    assert login(app, phone.code(), password="seven quiet hedges").status_code == 200


@pytest.mark.parametrize("deed", ["reset", "deactivated"])
def test_a_recovery_code_opens_nothing_for_who_is_out_by_the_time_it_has_been_compared(
    app: Flask, phone: Phone, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    """A05, V04: nor is it used up."""
    forgot(app)
    token = mailbox.token("reset")
    verify = passwords.verify_password

    def act_meanwhile(stored: str | None, given: str) -> bool:
        if given in phone.codes:
            monkeypatch.setattr(passwords, "verify_password", verify)
            if deed == "reset":
                assert reset(app, token)[0] == 204
            else:
                act(app, administrators.deactivate)
        return verify(stored, given)

    monkeypatch.setattr(passwords, "verify_password", act_meanwhile)
    assert outcome(login(app, phone.codes[0])) == (401, "invalid_credentials")
    if deed == "deactivated":
        act(app, administrators.activate)
    password = NEW_PASSWORD if deed == "reset" else people.PASSWORD
    assert login(app, phone.codes[0], password=password).status_code == 200


def test_a_sign_in_that_waits_for_its_code_ends_with_a_deactivation(app: Flask, phone: Phone) -> None:
    """V06, P11: for good; once the account is active again it asks for the password first."""
    http = waiting(app)
    for deed in (administrators.deactivate, administrators.activate):
        act(app, deed)
    assert submit(http, "/login/code", {"code": phone.code()}).location == AGAIN


def act(app: Flask, deed: Callable[..., None]) -> None:
    """Have an operator do something about John Doe's account."""
    with app.app_context():
        deed(db.session, user_id=people.users(app)[0].id, actor_id=None, client=COMMAND_LINE, now=utc_now())


def test_a_sign_in_with_a_recovery_code_forgets_failures_and_renews_an_old_hash(app: Flask, phone: Phone) -> None:
    """A05, A13: as one with a code of the phone does."""
    old = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(people.PASSWORD)
    with app.app_context():
        db.session.execute(update(User).values(password_hash=old, failed_sign_ins=5))
        db.session.commit()
    assert login(app, phone.codes[0]).status_code == 200
    (user,) = people.users(app)
    assert (user.failed_sign_ins, passwords.needs_rehash(user.password_hash)) == (0, False)


def test_a_wrong_password_is_the_same_refusal_with_and_without_a_second_factor(app: Flask, phone: Phone) -> None:
    """A01."""
    replies = [
        login(app, code, password="wrong", **who) for code in (None, phone.code()) for who in ({}, {"email": "x@y.z"})
    ]
    assert {outcome(reply) for reply in replies} == {(401, "invalid_credentials")}
