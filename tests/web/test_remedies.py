"""What helps an owner against somebody who got in must help nobody else, and must not be kept from the owner."""

import logging
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.recovery import NEW_PASSWORD, THIEF, forgot, move_to, recover, reset, use
from tests.support.steps import login
from webapp import passwords
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import OutboxMail

ACCOMPLICE = "accomplice@example.com"

pytestmark = pytest.mark.usefixtures("clock", "user_id")


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


def keep_waiting(app: Flask) -> None:
    """Let what waits be sent in a minute, as if the first attempt had failed."""
    with app.app_context():
        db.session.execute(update(OutboxMail).values(next_attempt_at=utc_now() + timedelta(minutes=1)))
        db.session.commit()


def test_an_undone_change_is_not_brought_back_by_a_mail_about_a_later_one_that_was_not_sent_yet(
    app: Flask, mailbox: Mailbox
) -> None:
    """P08."""
    thief = people.sign_in(app.test_client())
    move_to(app, mailbox, THIEF, of=thief)
    first = mailbox.token("undo", people.EMAIL)
    move_to(app, mailbox, ACCOMPLICE, of=thief)
    recover(app, f"/undo/{first}")
    assert mailbox.to(THIEF) == []
    assert login(app, "seven quiet hedges") == 200


@pytest.mark.parametrize("between", [0, -30, 30])
@pytest.mark.parametrize("quickest", ["owner", "thief"])
def test_an_undone_change_is_not_brought_back_though_the_later_one_was_mailed_first(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller, between: int, quickest: str
) -> None:
    """P08: nor does the thief's link spoil the owner's then, whichever host's clock dates the second change."""
    thief = people.sign_in(app.test_client())
    move_to(app, mailbox, THIEF, of=thief)
    keep_waiting(app)
    clock.shift(between)
    move_to(app, mailbox, ACCOMPLICE, of=thief)
    second = mailbox.token("undo", THIEF)
    clock.shift(120)
    first = mailbox.token("undo", people.EMAIL)
    if quickest == "thief":
        assert use(app, f"/undo/{second}").status_code == 303
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


def test_who_knows_the_old_password_does_not_keep_the_owner_from_a_new_one(app: Flask, mailbox: Mailbox) -> None:
    """P02, P14: a sign-in makes links to a new password useless, and "this was not me" leads to one."""
    for device in ("mine", "the thief's"):
        given = {"email": people.EMAIL, "password": people.PASSWORD, "transport": "body"}
        reply = app.test_client().post("/api/login", json=given, headers={"User-Agent": device})
        assert reply.status_code == 200
    reply = use(app, f"/not-me/{mailbox.token('not-me', people.EMAIL)}")
    assert login(app) == 401
    assert reset(app, reply.location.split("/reset/")[1]) == (204, "")
    assert (login(app), login(app, NEW_PASSWORD)) == (401, 200)
