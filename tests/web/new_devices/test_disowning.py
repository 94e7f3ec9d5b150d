"""This was not me: what the link in the mail of a new device does."""

import re

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import people, steps
from tests.support.mailbox import Mailbox
from tests.support.new_devices import NEW_DEVICE, OTHER, SAFARI, TRAIN, client, sign_in_again
from tests.support.recovery import NEW_PASSWORD, THIEF, move_to, recover
from tests.support.steps import DAY, HOUR, MINUTE, assert_refused, csrf_token, events, is_signed_in, sign_in_by_form

pytestmark = pytest.mark.usefixtures("clock")


def stolen_sign_in(app: Flask, mailbox: Mailbox) -> tuple[people.SignedIn, str]:
    """Somebody who knows the password signs in; return their session, and the path of the link that was mailed."""
    thief = people.sign_in(client(app, SAFARI, TRAIN))
    return thief, f"/not-me/{mailbox.token('not-me', people.EMAIL)}"


def press(http: FlaskClient, path: str) -> TestResponse:
    return http.post(path, data={"csrf_token": csrf_token(http.get(path))})


def test_opening_the_link_changes_nothing_and_its_button_ends_all_sessions_and_starts_a_reset(
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
    assert (is_signed_in(laptop), is_signed_in(http)) == (False, False)
    assert len(events(app, "sign_in_disowned")) == 1
    assert http.get(path).status_code == 400
    new = {"token": reply.headers["Location"].removeprefix("/reset/"), "password": "seven quiet hedges"}
    assert app.test_client().post("/api/password/reset", json=new).status_code == 204


def test_the_page_names_the_device_of_the_mail_and_says_what_to_do_if_it_was_its_owner(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient, clock: time_machine.Traveller
) -> None:
    """ASVS 6.3.5: as the mail does."""
    clock.shift(HOUR)
    _, path = stolen_sign_in(app, mailbox)
    clock.shift(HOUR)
    page = " ".join(re.sub(r"<[^>]*>", "", app.test_client().get(path).text).split())
    device = f"Mobile Safari on iOS, network address {TRAIN}"
    assert f"The mail told of {device}, signed in on 1 July 2026, 13:00 UTC." in page
    assert "It was you? Then there is nothing to do: close this page." in page


@pytest.mark.parametrize("whose", ["the owner's", "somebody else's"])
def test_who_presses_the_button_while_signed_in_is_signed_out_there_too(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient, whose: str
) -> None:
    """ASVS 6.3.5: and led on to a new password; somebody else, who is signed in there, stays so."""
    _, path = stolen_sign_in(app, mailbox)
    browser = laptop
    if whose == "somebody else's":
        people.create_user(app, OTHER)
        browser = client(app)
        sign_in_by_form(browser, email=OTHER)
    reply = press(browser, path)
    assert (reply.status_code, reply.location.startswith("/reset/")) == (303, True)
    assert "Every device is signed out. Set a new password now" in browser.get(reply.location).text
    is_kept = whose == "somebody else's"
    assert (browser.get_cookie("refresh_token") is not None, is_signed_in(browser)) == (is_kept, is_kept)


def test_a_link_that_is_used_up_leads_to_a_new_password(app: Flask, mailbox: Mailbox, laptop: FlaskClient) -> None:
    """ASVS 6.3.5: there is no other link of its kind to be had."""
    _, path = stolen_sign_in(app, mailbox)
    press(laptop, path)
    page = laptop.get(path)
    assert "If that sign-in was not you, set a new password: that signs out every device." in page.text
    assert re.search(r'href="/forgot">Set a new password</a>', page.text)
    assert "new link" not in page.text


def test_once_the_address_has_changed_the_page_names_the_mail_that_helps_and_has_no_button(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient
) -> None:
    """P08: a link to a new password would go to the other address."""
    thief, path = stolen_sign_in(app, mailbox)
    move_to(app, mailbox, THIEF, of=thief)
    page = laptop.get(path)
    assert (page.status_code, "use the link in the mail about the change" in page.text) == (400, True)
    assert ("<form" in page.text.partition("<main")[2], "/forgot" in page.text) == (False, False)


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
