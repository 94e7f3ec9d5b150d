"""A second factor that was begun and waits for its first code: whose it is, how long, and what ends it."""

import pyotp
import pytest
import time_machine
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.recovery import NEW_PASSWORD, forgot, reset
from tests.support.second_factor import outcome, set_up
from tests.support.steps import MINUTE, csrf_token, events, sign_in_by_form, submit
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import User
from webapp.sealing import seal
from webapp.web.context import settings

pytestmark = pytest.mark.usefixtures("clock")


def begin(session: people.SignedIn) -> pyotp.TOTP:
    return pyotp.TOTP(session.http.post("/api/me/totp", headers=session.bearer).json["secret"])


def confirm(session: people.SignedIn, begun: pyotp.TOTP) -> TestResponse:
    code = {"code": begun.at(utc_now())}
    return session.http.post("/api/me/totp/confirm", json=code, headers=session.bearer)


def test_one_that_somebody_has_begun_is_forgotten_when_the_password_is_reset(
    app: Flask, signed_in: people.SignedIn, mailbox: Mailbox
) -> None:
    """P06: or the page would have the owner's phone take a secret that somebody else knows."""
    signed_in.http.post("/api/me/totp", headers=signed_in.bearer)
    forgot(app)
    assert reset(app, mailbox.token("reset"))[0] == 204
    owner = app.test_client()
    sign_in_by_form(owner, password=NEW_PASSWORD)
    assert owner.get("/account/security/totp").location == "/account/security"


def test_one_that_was_begun_is_forgotten_when_the_password_is_changed(signed_in: people.SignedIn) -> None:
    """P12: by the session that stays, too: whoever knew the old password may have read the secret there."""
    begun = begin(signed_in)
    body = {"current_password": people.PASSWORD, "new_password": NEW_PASSWORD}
    assert signed_in.http.post("/api/me/password", json=body, headers=signed_in.bearer).status_code == 204
    assert outcome(confirm(signed_in, begun)) == (409, "second_factor_state")


@pytest.mark.parametrize(("age", "status"), [(30 * MINUTE - 1, 200), (30 * MINUTE, 409)])
def test_one_that_was_begun_waits_half_an_hour(
    signed_in: people.SignedIn, clock: time_machine.Traveller, age: int, status: int
) -> None:
    """P12."""
    begun = begin(signed_in)
    clock.shift(age)
    signed_in.http.post("/api/me/reauthenticate", json={"password": people.PASSWORD}, headers=signed_in.bearer)
    assert confirm(signed_in, begun).status_code == status


def test_what_another_session_has_begun_is_neither_shown_nor_turned_on(
    app: Flask, user_id: int, signed_in: people.SignedIn
) -> None:
    """P12: whoever else is in knows that secret, which the owner's phone would take."""
    owner = app.test_client()
    sign_in_by_form(owner)
    submit(owner, "/account/security/totp/begin", form="/account/security")
    begun = begin(signed_in)
    csrf = csrf_token(owner.get("/account/security"))
    assert owner.get("/account/security/totp").location == "/account/security"
    for reply in (
        owner.post("/account/security/totp", data={"csrf_token": csrf, "code": "000000"}),
        owner.post("/account/security/totp", data={"csrf_token": csrf, "code": begun.now()}),
    ):
        assert (reply.status_code, begun.secret in reply.text.replace(" ", "")) == (409, False)
        assert "Begin anew." in reply.text
    assert confirm(signed_in, begun).status_code == 200


def test_one_that_was_begun_before_sessions_were_written_down_is_begun_anew(
    app: Flask, signed_in: people.SignedIn
) -> None:
    """P12: by a release that sealed the seed alone."""
    totp = pyotp.TOTP(pyotp.random_base32())
    with app.app_context():
        db.session.execute(update(User).values(totp_seed=seal(settings(), totp.secret)))
        db.session.commit()
    assert outcome(confirm(signed_in, totp)) == (409, "second_factor_state")
    set_up(signed_in)


def test_a_wrong_code_of_who_sets_it_up_is_written_down_as_theirs(
    app: Flask, signed_in: people.SignedIn, user_id: int
) -> None:
    """Z09: nobody else can have typed it."""
    begin(signed_in)
    signed_in.http.post("/api/me/totp/confirm", json={"code": "000000"}, headers=signed_in.bearer)
    [failed] = events(app, "code_failed")
    assert (failed.user_id, failed.actor_id) == (user_id, user_id)
