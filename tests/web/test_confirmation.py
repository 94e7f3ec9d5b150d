"""Confirming the address of a new account: what its link does, for whom, how long, and how often one is sent."""

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.people import users
from tests.support.recovery import confirm
from tests.support.registration import NEW, PASSPHRASE, register
from tests.support.steps import HOUR, csrf_token, events, is_signed_in, sign_in_by_form, submit
from webapp.database import Base, db
from webapp.models import OneTimeToken

pytestmark = pytest.mark.usefixtures("clock")


def test_the_link_of_the_mail_confirms_the_address_once(app: Flask, mailbox: Mailbox) -> None:
    """P09."""
    register(app)
    token = mailbox.token("verify", NEW)
    assert confirm(app, token) == (204, "")
    assert users(app)[0].email_verified
    assert confirm(app, token) == (400, "invalid_link")
    (event_,) = events(app, "email_verified")
    assert event_.user_id == users(app)[0].id


def test_opening_the_link_changes_nothing_and_its_button_confirms(app: Flask, mailbox: Mailbox) -> None:
    """P05: mail scanners open links; and the token is in no log, no referrer and no next address."""
    register(app)
    path = f"/verify/{mailbox.token('verify')}"
    http = app.test_client()
    for _ in range(5):
        page = http.get(path)
        assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
        assert http.head(path).status_code == 200
    assert not users(app)[0].email_verified
    reply = http.post(path, data={"csrf_token": csrf_token(page), "password": PASSPHRASE})
    assert (reply.status_code, reply.headers["Location"]) == (303, "/account")
    assert users(app)[0].email_verified
    assert is_signed_in(http)
    assert http.get(path).status_code == 400


def test_the_button_alone_confirms_for_who_is_signed_in(app: Flask, mailbox: Mailbox) -> None:
    register(app)
    path, http = f"/verify/{mailbox.token('verify')}", app.test_client()
    sign_in_by_form(http, email=NEW, password=PASSPHRASE)
    page = http.get(path)
    assert "password" not in page.text.lower().partition("<main")[2]
    assert http.post(path, data={"csrf_token": csrf_token(page)}).headers["Location"] == "/account"
    assert users(app)[0].email_verified


@pytest.mark.parametrize("as_another", [False, True])
@pytest.mark.parametrize("typed", ["", "the password that the owner has chosen"])
def test_a_click_of_the_owner_does_not_confirm_what_somebody_else_has_signed_up(
    app: Flask, mailbox: Mailbox, typed: str, as_another: bool
) -> None:
    """P09: of whoever signed up before the owner neither password nor session gets a confirmed account."""
    register(app)
    early = people.sign_in(app.test_client(), email=NEW, password=PASSPHRASE)
    mailbox.deliver()
    register(app, password="the password that the owner has chosen")
    token = mailbox.token("verify", NEW)
    owner = app.test_client()
    if as_another:
        people.create_user(app)
        sign_in_by_form(owner)
    assert submit(owner, f"/verify/{token}", {"password": typed}).status_code == 422
    assert early.me().json["email_verified"] is False
    owner.post("/api/password/forgot", json={"email": NEW})
    body = {"token": mailbox.token("reset", NEW), "password": "seven quiet hedges"}
    assert owner.post("/api/password/reset", json=body).status_code == 204
    assert (early.me().status_code, users(app)[0].email_verified) == (401, True)


def test_no_log_line_holds_a_links_token(app: Flask, mailbox: Mailbox, caplog: pytest.LogCaptureFixture) -> None:
    """P05, O05."""
    register(app)
    token = mailbox.token("verify")
    caplog.clear()
    for path in ("/verify/", "/reset/", "/not-me/", "/undo/"):
        app.test_client().get(path + token)
    assert len([line for line in caplog.messages if "…" in line or "\\u2026" in line]) == 4
    assert token not in caplog.text


@pytest.mark.parametrize(("age", "expected"), [(HOUR - 1, 204), (HOUR, 400)])
def test_a_link_works_for_an_hour(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller, age: int, expected: int
) -> None:
    """P01: from when it was sent."""
    register(app)
    token = mailbox.token("verify")
    clock.shift(age)
    assert confirm(app, token)[0] == expected


def test_no_column_of_any_table_holds_a_links_token(app: Flask, mailbox: Mailbox) -> None:
    """P01, R15: before it is sent there is none."""
    register(app)

    def dump() -> str:
        with app.app_context():
            return str([row for table in Base.metadata.sorted_tables for row in db.session.execute(select(table))])

    with app.app_context():
        assert db.session.scalars(select(OneTimeToken)).all() == []
    token = mailbox.token("verify")
    assert len(token) * 6 >= 256
    assert token not in dump()
    assert token[:20] not in dump()


def test_a_link_sent_again_takes_the_place_of_the_one_before(app: Flask, mailbox: Mailbox) -> None:
    """P02."""
    register(app)
    first = mailbox.token("verify")
    signed_in = people.sign_in(app.test_client(), email=NEW, password=PASSPHRASE)
    assert signed_in.http.post("/api/email/resend", headers=signed_in.bearer).status_code == 202
    second = mailbox.token("verify")
    assert confirm(app, first) == (400, "invalid_link")
    assert confirm(app, second) == (204, "")
    assert signed_in.http.post("/api/email/resend", headers=signed_in.bearer).status_code == 202
    assert mailbox.deliver() == []


def test_an_address_is_sent_five_such_mails_a_day_and_the_answer_never_tells(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """P07."""
    for number in range(7):
        assert register(app).status_code == 202
        assert len(mailbox.deliver()) == (1 if number < 5 else 0)
    assert register(app, email="other@example.com").status_code == 202
    assert len(mailbox.deliver()) == 1
    clock.shift(24 * HOUR)
    register(app)
    assert len(mailbox.deliver()) == 1


def test_who_signs_up_with_the_address_of_somebody_else_keeps_nobody_from_a_link_that_works(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """P07: when the last link is too old there is another, and no more than that."""
    for _ in range(5):
        register(app)
    mailbox.deliver()
    clock.shift(HOUR - 1)
    owner = people.sign_in(app.test_client(), email=NEW, password=PASSPHRASE)
    for mails in (0, 1, 0):
        assert owner.http.post("/api/email/resend", headers=owner.bearer).status_code == 202
        register(app)
        assert len(mailbox.to(NEW)) == mails
        clock.shift(1)


def test_links_that_are_asked_for_again_count_among_the_five_mails_of_the_day(app: Flask, mailbox: Mailbox) -> None:
    """P07: with the one of the sign-up; the answer never tells, and the last link goes on working."""
    register(app)
    token = mailbox.token("verify")
    session = people.sign_in(app.test_client(), email=NEW, password=PASSPHRASE)
    for number in range(6):
        assert session.http.post("/api/email/resend", headers=session.bearer).status_code == 202
        if number < 4:
            token = mailbox.token("verify", NEW)
    assert mailbox.to(NEW) == []
    register(app)
    assert mailbox.to(NEW) == []
    assert confirm(app, token) == (204, "")


def test_who_is_not_confirmed_adds_no_second_factor_and_no_passkey(app: Flask) -> None:
    """P09: whoever signed up with somebody else's address must not keep a way in."""
    register(app)
    signed_in = people.sign_in(app.test_client(), email=NEW, password=PASSPHRASE)
    for route in ("/api/me/totp", "/api/passkeys/options"):
        reply = signed_in.http.post(route, headers=signed_in.bearer)
        assert (reply.status_code, reply.json["code"]) == (403, "email_not_verified")
