"""A sign-in that was somebody else's: its mail ends it, and takes away what an intruder has added."""

from datetime import timedelta

import pyotp
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from tests.support import people
from tests.support.mailbox import Mailbox, text
from tests.support.recovery import NEW_PASSWORD, THIEF, ask_to_move, confirm, move_to, recover, reset, use
from tests.support.steps import HOUR, csrf_token, events, login
from tests.support.ways_in import add_passkey, ways_in
from webapp import outbox
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import RecoveryCode

FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}

pytestmark = pytest.mark.usefixtures("clock", "user_id")


# --- their sign-in ---------------------------------------------------------------------------------------


def test_a_sign_in_that_was_not_me_is_ended_by_the_link_of_its_mail(app: Flask, mailbox: Mailbox) -> None:
    """ASVS 6.3.5: with every other, since whoever signed in twice was mailed of once."""
    mine = people.sign_in(app.test_client())
    thief: FlaskClient = app.test_client()
    stolen = thief.post("/api/login", json={"email": people.EMAIL, "password": people.PASSWORD}, headers=FIREFOX).json
    (mail,) = mailbox.deliver()
    assert mail["Subject"] == "New sign-in to your account"
    assert "Firefox on Linux, network address 127.0.0.1" in " ".join(text(mail).split())
    path = "/not-me/" + text(mail).split("/not-me/")[1].split()[0]
    http = app.test_client()
    page = http.get(path)
    again = thief.post("/api/login", json={"email": people.EMAIL, "password": people.PASSWORD}, headers=FIREFOX).json
    assert mailbox.deliver() == []
    both = [people.SignedIn(thief, answer["access_token"], None) for answer in (stolen, again)]
    assert [session.me().status_code for session in (*both, mine)] == [200] * 3
    reply = http.post(path, data={"csrf_token": csrf_token(page)})
    assert [session.me().status_code for session in (*both, mine)] == [401] * 3
    assert {event.detail["reason"] for event in events(app, "session_revoked")} == {"disowned"}
    assert reset(app, reply.headers["Location"].removeprefix("/reset/")) == (204, "")
    assert http.get(path).status_code == 400


# --- what they have added --------------------------------------------------------------------------------


def turn_on(of: people.SignedIn) -> None:
    secret = of.http.post("/api/me/totp", headers=of.bearer).json["secret"]
    body = {"code": pyotp.TOTP(secret).at(utc_now())}
    assert of.http.post("/api/me/totp/confirm", headers=of.bearer, json=body).status_code == 200


@pytest.mark.parametrize("link", ["the sign-in's", "the factor's"])
def test_this_was_not_me_takes_away_what_was_added_since(
    app: Flask, mailbox: Mailbox, user_id: int, clock: time_machine.Traveller, link: str
) -> None:
    """ASVS 6.3.7: or the thief's device keeps the owner out, and the thief's key lets the thief in."""
    people.sign_in(app.test_client())
    add_passkey(app, user_id, "my own")
    clock.shift(HOUR)
    headers = {"User-Agent": "another device"}
    body = {"email": people.EMAIL, "password": people.PASSWORD, "transport": "body"}
    answer = app.test_client().post("/api/login", json=body, headers=headers).json
    of_sign_in = mailbox.token("not-me", people.EMAIL)
    thief = people.SignedIn(app.test_client(), answer["access_token"], None)
    turn_on(thief)
    of_factor = mailbox.token("not-me", people.EMAIL)
    add_passkey(app, user_id, "the thief's")
    assert ways_in(app) == (True, ["my own", "the thief's"], 10)
    token = of_sign_in if link == "the sign-in's" else of_factor
    http = app.test_client()
    page = http.post(f"/not-me/{token}", data={"csrf_token": csrf_token(http.get(f"/not-me/{token}"))})
    told = http.get(page.location).text.partition("<form")[0]
    assert "because it was added since: two-step sign-in, a passkey." in told
    assert ways_in(app) == (False, ["my own"], 0)
    assert thief.me().status_code == 401
    assert {(event.user_id, event.actor_id) for event in events(app, "totp_disabled")} == {(user_id, user_id)}
    assert [event.detail for event in events(app, "passkey_removed")] == [{"name": "the thief's"}]


def test_this_was_not_me_leaves_what_was_there_before(
    app: Flask, mailbox: Mailbox, user_id: int, clock: time_machine.Traveller
) -> None:
    """P14: the link of a mail is no way around the owner's second factor."""
    turn_on(people.sign_in(app.test_client()))
    add_passkey(app, user_id, "my own")
    mailbox.deliver()
    with app.app_context():
        # Some as they are from before it was written down.
        db.session.execute(update(RecoveryCode).where(RecoveryCode.id % 2 == 0).values(made_at=None))
        outbox.enqueue(db.session, outbox.MailKind.NEW_DEVICE, user_id=user_id, now=utc_now() + timedelta(seconds=1))
        db.session.commit()
    clock.shift(HOUR)
    assert use(app, f"/not-me/{mailbox.token('not-me', people.EMAIL)}").status_code == 303
    assert ways_in(app) == (True, ["my own"], 10)


def test_undoing_a_change_of_address_takes_away_what_was_added_since(
    app: Flask, mailbox: Mailbox, user_id: int, clock: time_machine.Traveller
) -> None:
    """P08: or while it was prepared."""
    add_passkey(app, user_id, "my own")
    clock.shift(HOUR + 1)
    thief = people.sign_in(app.test_client())
    add_passkey(app, user_id, "the thief's")
    clock.shift(60)
    move_to(app, mailbox, THIEF, of=thief)
    undo = mailbox.token("undo", people.EMAIL)
    turn_on(thief)
    add_passkey(app, user_id, "the thief's other one")
    recover(app, f"/undo/{undo}")
    assert ways_in(app) == (False, ["my own"], 0)
    assert login(app, "seven quiet hedges") == 200


def test_what_was_done_before_a_change_of_address_is_told_to_the_address_from_before(
    app: Flask, mailbox: Mailbox
) -> None:
    """P08: though its mail was still waiting when the address changed."""
    thief = people.sign_in(app.test_client())
    assert ask_to_move(thief, THIEF)[0] == 202
    token = mailbox.token("verify", THIEF)
    turn_on(thief)
    assert confirm(app, token) == (204, "")
    told = {str(mail["Subject"]): str(mail["To"]) for mail in mailbox.deliver()}
    assert told == {"Two-step sign-in is on": people.EMAIL, "Your address was changed": people.EMAIL}


def test_undoing_a_change_of_address_takes_recovery_codes_back_that_were_made_since(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """P08: the factor is the owner's, and stays."""
    thief = people.sign_in(app.test_client())
    turn_on(thief)
    clock.shift(HOUR + 1)
    move_to(app, mailbox, THIEF, of=thief)
    undo = mailbox.token("undo", people.EMAIL)
    proof = {"password": people.PASSWORD}
    assert thief.http.post("/api/me/reauthenticate", headers=thief.bearer, json=proof).status_code == 204
    assert thief.http.post("/api/me/recovery-codes", headers=thief.bearer).status_code == 200
    recover(app, f"/undo/{undo}")
    assert ways_in(app) == (True, [], 0)


@pytest.mark.parametrize("is_sent", [True, False], ids=["sent", "waiting"])
@pytest.mark.parametrize("deed", ["a new password", "this was not me"])
def test_a_change_of_address_that_they_asked_for_comes_to_nothing(
    app: Flask, mailbox: Mailbox, deed: str, is_sent: bool
) -> None:
    """P08: or the account is theirs within the hour, whatever its owner has done about it."""
    mine = people.sign_in(app.test_client())
    body = {"email": people.EMAIL, "password": people.PASSWORD, "transport": "body"}
    access = app.test_client().post("/api/login", json=body, headers=FIREFOX).json["access_token"]
    not_me = f"/not-me/{mailbox.token('not-me', people.EMAIL)}"
    thief = people.SignedIn(app.test_client(), access, None)
    ask = {"email": THIEF, "password": people.PASSWORD}
    assert thief.http.post("/api/me/email", headers=thief.bearer, json=ask).status_code == 202
    token = mailbox.token("verify", THIEF) if is_sent else "never sent"
    if deed == "this was not me":
        assert use(app, not_me).status_code == 303
    else:
        change = {"current_password": people.PASSWORD, "new_password": NEW_PASSWORD}
        assert mine.http.post("/api/me/password", headers=mine.bearer, json=change).status_code == 204
    assert mailbox.to(THIEF) == []
    assert app.test_client().post("/api/email/verify", json={"token": token}).status_code == 400
    assert [user.email for user in people.users(app)] == [people.EMAIL]
