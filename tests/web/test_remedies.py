"""What helps an owner against somebody who got in must help nobody else, and must not be kept from the owner."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.steps import START, csrf_token
from tests.web.test_recovery import forgot, login, reset

THIEF, ACCOMPLICE = "thief@example.com", "accomplice@example.com"
HOURS_4 = 4 * 3600


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


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
