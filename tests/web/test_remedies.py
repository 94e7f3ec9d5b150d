"""What helps an owner against somebody who got in must help nobody else, and must not be kept from the owner."""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
import time_machine
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.steps import HOUR, csrf_token, events
from tests.web.test_recovery import NEW_PASSWORD, forgot, login, reset
from webapp import outbox, passwords
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import Passkey, RecoveryCode, User

THIEF, ACCOMPLICE = "thief@example.com", "accomplice@example.com"
HOURS_4 = 4 * 3600


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    return make_app(mail_url=f"file://{tmp_path}/mail")


@pytest.fixture
def mailbox(app: Flask, user_id: int, tmp_path: Path) -> Mailbox:
    return Mailbox(app, tmp_path / "mail")


def move_to(app: Flask, mailbox: Mailbox, address: str, *, of: people.SignedIn) -> None:
    """Give the account another address, as its owner or whoever knows the password does."""
    body = {"email": address, "password": people.PASSWORD}
    assert of.http.post("/api/me/email", headers=of.bearer, json=body).status_code == 202
    token = mailbox.token("verify", address)
    assert app.test_client().post("/api/email/verify", json={"token": token}).status_code == 204


def use(app: Flask, link: str) -> TestResponse:
    http = app.test_client()
    page = http.get(link)
    return http.post(link, data={"csrf_token": csrf_token(page)}) if page.status_code == 200 else page


def recover(app: Flask, link: str) -> None:
    """Open the link of a mail, and set the password that it leads to."""
    assert reset(app, use(app, link).location.split("/reset/")[1], "seven quiet hedges")[0] == 204


def test_an_undone_change_is_not_brought_back_by_the_undoing_of_a_later_one(app: Flask, mailbox: Mailbox) -> None:
    """P08: the thief moved the account twice; only the mail to the address that was there first takes it back."""
    thief = people.sign_in(app.test_client())
    move_to(app, mailbox, THIEF, of=thief)
    first = mailbox.token("undo", people.EMAIL)
    move_to(app, mailbox, ACCOMPLICE, of=thief)
    second = mailbox.token("undo", THIEF)
    recover(app, f"/undo/{first}")
    assert use(app, f"/undo/{second}").status_code == 400
    assert login(app, "seven quiet hedges") == 200


def test_undoing_a_later_change_leaves_the_first_owners_link_as_it_is(app: Flask, mailbox: Mailbox) -> None:
    """P08: nor does the thief's own link spoil the owner's."""
    thief = people.sign_in(app.test_client())
    move_to(app, mailbox, THIEF, of=thief)
    first = mailbox.token("undo", people.EMAIL)
    move_to(app, mailbox, ACCOMPLICE, of=thief)
    assert use(app, f"/undo/{mailbox.token('undo', THIEF)}").status_code == 303
    recover(app, f"/undo/{first}")
    assert login(app, "seven quiet hedges") == 200


def test_a_mail_about_a_device_opens_nothing_for_an_address_that_was_taken_back(app: Flask, mailbox: Mailbox) -> None:
    """P09: "this was not me" leads to a new password, so it is for the address that the account has."""
    thief = people.sign_in(app.test_client())
    move_to(app, mailbox, THIEF, of=thief)
    undo = mailbox.token("undo", people.EMAIL)
    body = {"email": THIEF, "password": people.PASSWORD}
    app.test_client().post("/api/login", json=body, headers={"User-Agent": "another device"})
    link = f"/not-me/{mailbox.token('not-me', THIEF)}"
    recover(app, f"/undo/{undo}")
    assert use(app, link).status_code == 400
    assert login(app, "seven quiet hedges") == 200


def test_an_address_that_was_taken_away_is_given_back_though_somebody_has_signed_up_with_it(
    app: Flask, mailbox: Mailbox
) -> None:
    """P08: an account that never proved its address makes room for one that does."""
    move_to(app, mailbox, THIEF, of=people.sign_in(app.test_client()))
    undo = mailbox.token("undo", people.EMAIL)
    body = {"email": people.EMAIL, "password": "correct horse violin"}
    assert app.test_client().post("/api/register", json=body).status_code == 202
    recover(app, f"/undo/{undo}")
    assert (login(app, "seven quiet hedges"), login(app, "correct horse violin")) == (200, 401)


def test_a_change_that_a_reset_has_cancelled_is_not_mailed(app: Flask, mailbox: Mailbox) -> None:
    """P08: the mail may still wait when the password is set anew."""
    thief = people.sign_in(app.test_client())
    forgot(app)
    token = mailbox.token("reset", people.EMAIL)
    body = {"email": THIEF, "password": people.PASSWORD}
    assert thief.http.post("/api/me/email", headers=thief.bearer, json=body).status_code == 202
    assert reset(app, token)[0] == 204
    assert mailbox.to(THIEF) == []


def test_an_address_is_sent_five_mails_a_day_by_those_who_want_it(app: Flask, mailbox: Mailbox) -> None:
    """P07: whoever has an account cannot have a stranger flooded."""
    john = people.sign_in(app.test_client())
    body = {"email": THIEF, "password": people.PASSWORD}
    sent = 0
    for _ in range(7):
        assert john.http.post("/api/me/email", headers=john.bearer, json=body).status_code == 202
        sent += len(mailbox.to(THIEF))
    assert sent == 5


@pytest.mark.parametrize("deed", ["sign in", "change"])
def test_a_password_that_was_reset_while_the_old_one_waited_for_its_hash_stays(
    app: Flask, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    """A05, V04: the old one opens no session and replaces nothing."""
    thief = people.sign_in(app.test_client())
    forgot(app)
    token = mailbox.token("reset", people.EMAIL)
    verify = passwords.verify_password

    def reset_meanwhile(stored: str | None, password: str) -> bool:
        monkeypatch.setattr(passwords, "verify_password", verify)
        assert reset(app, token)[0] == 204
        return verify(stored, password)

    monkeypatch.setattr(passwords, "verify_password", reset_meanwhile)
    if deed == "sign in":
        assert login(app, people.PASSWORD) == 401
    else:
        body = {"current_password": people.PASSWORD, "new_password": "eleven loud hedges"}
        assert thief.http.post("/api/me/password", headers=thief.bearer, json=body).status_code == 422
    assert (login(app, NEW_PASSWORD), login(app, "eleven loud hedges")) == (200, 401)


# --- what an intruder has added ----------------------------------------------------------------------------


def add_passkey(app: Flask, user_id: int, name: str) -> None:
    with app.app_context():
        row = {"credential_id": name, "public_key": b"", "sign_count": 0, "created_at": utc_now()}
        db.session.add(Passkey(user_id=user_id, name=name, **row))
        db.session.commit()


def ways_in(app: Flask) -> tuple[bool, list[str], int]:
    """Return whether a second factor is on, the names of the passkeys, and how many recovery codes there are."""
    with app.app_context():
        names = list(db.session.scalars(select(Passkey.name).order_by(Passkey.id)))
        is_on = db.session.scalars(select(User.totp_enabled_at)).one() is not None
        return is_on, names, len(db.session.scalars(select(RecoveryCode.id)).all())


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
    assert "two-step sign-in, the passkey “the thief&#39;s”" in told
    assert "my own" not in told
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
        outbox.enqueue(db.session, outbox.MailKind.NEW_DEVICE, user_id=user_id, now=utc_now() + timedelta(seconds=1))
        db.session.commit()
    clock.shift(HOUR)
    assert use(app, f"/not-me/{mailbox.token('not-me', people.EMAIL)}").status_code == 303
    assert ways_in(app) == (True, ["my own"], 10)


def test_undoing_a_change_of_address_takes_away_what_was_added_since(
    app: Flask, mailbox: Mailbox, user_id: int, clock: time_machine.Traveller
) -> None:
    """P08."""
    thief = people.sign_in(app.test_client())
    add_passkey(app, user_id, "my own")
    clock.shift(60)
    move_to(app, mailbox, THIEF, of=thief)
    undo = mailbox.token("undo", people.EMAIL)
    turn_on(thief)
    add_passkey(app, user_id, "the thief's")
    recover(app, f"/undo/{undo}")
    assert ways_in(app) == (False, ["my own"], 0)
    assert login(app, "seven quiet hedges") == 200


@pytest.mark.parametrize(("wish", "left"), [({}, ["mine"]), ({"remove_passkeys": True}, [])])
def test_a_reset_removes_the_passkeys_if_so_wished(
    app: Flask, mailbox: Mailbox, user_id: int, wish: dict[str, bool], left: list[str]
) -> None:
    add_passkey(app, user_id, "mine")
    forgot(app)
    body = {"token": mailbox.token("reset", people.EMAIL), "password": NEW_PASSWORD, **wish}
    assert app.test_client().post("/api/password/reset", json=body).status_code == 204
    assert ways_in(app)[1] == left


def test_the_page_that_sets_a_new_password_names_the_passkeys(app: Flask, mailbox: Mailbox, user_id: int) -> None:
    """They sign in without it."""
    forgot(app)
    http, link = app.test_client(), f"/reset/{mailbox.token('reset', people.EMAIL)}"
    assert "passkeys" not in http.get(link).text
    add_passkey(app, user_id, "somebody's <key>")
    page = http.get(link)
    assert "<li>somebody&#39;s &lt;key&gt;, added" in page.text
    fields = {"csrf_token": csrf_token(page), "password": NEW_PASSWORD, "remove_passkeys": "y"}
    assert http.post(link, data=fields).status_code == 303
    assert ways_in(app)[1] == []


# --- who asks ----------------------------------------------------------------------------------------------


def test_who_keeps_asking_cannot_keep_the_owner_from_a_link(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """P07: of what is asked for on one day five are sent, and what is not sent takes nothing from the next day."""
    sent = []
    for _ in range(3):
        for _ in range(8):
            assert forgot(app) == 202
        sent.append(len(mailbox.to(people.EMAIL)))
        clock.shift(24 * 3600)
    assert sent == [5, 5, 5]


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("path", ["/reset/{}", "/reset/{}/", "//reset/{}", "/verify/{}/x", "/undo//{}", "/not-me/{}"])
def test_no_token_of_a_mail_is_logged_however_it_is_asked_for(
    app: Flask, caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    """P05, O05: nor sent on as a referrer."""
    with caplog.at_level(logging.INFO):
        reply = app.test_client().open(method=method, environ_overrides={"PATH_INFO": path.format("s3cret-of-a-mail")})
    assert "s3cret" not in caplog.text
    assert reply.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("number", [2**31, 2**63, 10**40])
def test_a_number_that_no_row_can_have_is_not_found(signed_in: people.SignedIn, number: int) -> None:
    """I01: it matches no route."""
    assert signed_in.http.delete(f"/api/passkeys/{number}", headers=signed_in.bearer).status_code in (404, 405)


def test_a_referrer_that_is_no_url_is_no_fault_of_the_server(
    signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """I01: where a form was is asked of the Referer."""
    page = signed_in.http.post("/account/security/totp", headers={"Referer": "http://["})
    assert page.status_code < 500
