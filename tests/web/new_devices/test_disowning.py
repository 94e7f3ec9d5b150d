"""This was not me: what the link in the mail of a new device does."""

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import people, steps
from tests.support.mailbox import Mailbox
from tests.support.new_devices import NEW_DEVICE, SAFARI, TRAIN, client, sign_in_again
from tests.support.recovery import NEW_PASSWORD, recover
from tests.support.steps import DAY, MINUTE, assert_refused, csrf_token, events, is_signed_in

pytestmark = pytest.mark.usefixtures("clock")


def stolen_sign_in(app: Flask, mailbox: Mailbox) -> tuple[people.SignedIn, str]:
    """Somebody who knows the password signs in; return their session, and the path of the link that was mailed."""
    thief = people.sign_in(client(app, SAFARI, TRAIN))
    return thief, f"/not-me/{mailbox.token('not-me', people.EMAIL)}"


def press(http: FlaskClient, path: str) -> TestResponse:
    return http.post(path, data={"csrf_token": csrf_token(http.get(path))})


def test_opening_the_link_changes_nothing_and_its_button_ends_that_session_and_starts_a_reset(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient
) -> None:
    """P05, ASVS 6.3.5: mail programs open links too."""
    thief, path = stolen_sign_in(app, mailbox)
    http = app.test_client()
    for _ in range(5):
        page = http.get(path)
        assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
    assert http.post(path).status_code == 400
    assert (thief.me().status_code, events(app, "sign_in_disowned")) == (200, [])
    reply = press(http, path)
    assert (reply.status_code, reply.headers["Location"].startswith("/reset/")) == (303, True)
    assert_refused(thief.me(), "session_ended")
    assert steps.refresh(thief.http, thief.refresh or "").status_code == 401
    assert (is_signed_in(laptop), is_signed_in(http)) == (True, False)
    assert len(events(app, "sign_in_disowned")) == 1
    assert http.get(path).status_code == 400
    new = {"token": reply.headers["Location"].removeprefix("/reset/"), "password": "seven quiet hedges"}
    assert app.test_client().post("/api/password/reset", json=new).status_code == 204
    assert not is_signed_in(laptop)


def test_the_link_works_for_seven_days(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient, clock: time_machine.Traveller
) -> None:
    """P01: its page and its button."""
    _, path = stolen_sign_in(app, mailbox)
    http = app.test_client()
    clock.shift(7 * DAY - 1)
    assert http.get(path).status_code == 200
    clock.shift(1)
    token = csrf_token(http.get("/login"))
    assert (http.get(path).status_code, http.post(path, data={"csrf_token": token}).status_code) == (400, 400)
    assert events(app, "sign_in_disowned") == []


def test_a_sign_in_from_the_place_that_was_disowned_is_news_again(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient, clock: time_machine.Traveller
) -> None:
    """ASVS 6.3.5: devices are forgotten, the owner's own as well."""
    _, path = stolen_sign_in(app, mailbox)
    clock.shift(MINUTE)
    recover(app, path)
    mailbox.deliver()
    clock.shift(MINUTE)
    people.sign_in(client(app, SAFARI, TRAIN), password=NEW_PASSWORD)
    sign_in_again(laptop, password=NEW_PASSWORD)
    assert mailbox.to(people.EMAIL) == [NEW_DEVICE, NEW_DEVICE]
