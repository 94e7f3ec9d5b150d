"""Forms that are sent twice, by a double click whose first answer is lost: the second answer says what was done."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.desk import TOO_LATE, perform
from tests.support.mailbox import Mailbox
from tests.support.recovery import forgot
from tests.support.steps import MINUTE, csrf_token, events, sign_in_by_form

pytestmark = pytest.mark.usefixtures("clock")


def twice(http: FlaskClient, page: str, path: str, **fields: Any) -> TestResponse:
    """Send the form of a page to `path` as a double click does, both with the cookies of the page; return the second
    answer."""
    data = {"csrf_token": csrf_token(http.get(page)), **fields}
    kept = {name: found.value for name in ("session", "refresh_token") if (found := http.get_cookie(name))}
    first = http.post(path, data=data)
    assert first.status_code == 303
    for name, value in kept.items():
        http.set_cookie(name, value)
    return http.post(path, data=data)


def test_a_passkey_that_is_removed_twice_was_removed_already(
    app: Flask, user: FlaskClient, add_passkey: Callable[..., TestResponse]
) -> None:
    add_passkey()
    reply = twice(user, "/account/security", "/account/security/passkeys/1/remove")
    assert (reply.status_code, reply.location) == (303, "/account/security")
    assert "That passkey was removed already." in user.get(reply.location).text
    assert len(events(app, "passkey_removed")) == 1


# --- a reset link, from the desk -------------------------------------------------------------------------


def test_a_reset_link_that_is_sent_twice_is_mailed_once_and_works(
    app: Flask, desk: FlaskClient, user_id: int, mailbox: Mailbox
) -> None:
    form = f"/admin/users/{user_id}/reset-password"
    assert TOO_LATE in desk.get(twice(desk, form, form).location).text
    assert len(events(app, "reset_requested")) == 1
    [mail] = mailbox.deliver()
    assert mail["To"] == people.EMAIL


def test_another_administrator_the_owner_and_a_minute_have_another_link_sent(
    app: Flask, desk: FlaskClient, user_id: int, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """And so has who did so for another account."""
    other = people.create_user(app, "other@test.com", is_admin=True)
    another_desk = app.test_client()
    sign_in_by_form(another_desk, email="other@test.com")
    assert forgot(app) == 202
    for http, whose in ((desk, user_id), (another_desk, user_id), (desk, other)):
        perform(http, whose, "reset-password")
    clock.shift(MINUTE - 1)
    perform(desk, user_id, "reset-password")
    assert len(mailbox.deliver()) == 4
    clock.shift(1)
    perform(desk, user_id, "reset-password")
    assert len(mailbox.deliver()) == 1
