"""The fields of forms: each once, as the members of a JSON object are."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import forge, people
from tests.support.mailbox import Mailbox
from tests.support.registration import BODY
from tests.support.steps import events, is_signed_in, submit, title

LOGIN = {"email": people.EMAIL, "password": people.PASSWORD, "remember": "y", "next": "/account"}


@pytest.mark.parametrize("other", ["", "other"])
@pytest.mark.parametrize("field", LOGIN)
def test_a_form_that_gives_a_field_twice_signs_nobody_in(
    app: Flask, visitor: FlaskClient, field: str, other: str
) -> None:
    """I08: whichever of the two is right, and though both are."""
    for twice in ([LOGIN[field], other or LOGIN[field]], [other or LOGIN[field], LOGIN[field]]):
        reply = submit(visitor, "/login", {**LOGIN, field: twice})
        assert (reply.status_code, "The request is malformed" in title(reply)) == (400, True)
    assert not is_signed_in(visitor)
    assert events(app, "sign_in_failed") == [], "nothing was compared"


@pytest.mark.parametrize("path", ["/register", "/forgot"])
def test_a_form_that_gives_its_address_twice_mails_nobody(visitor: FlaskClient, mailbox: Mailbox, path: str) -> None:
    """I08."""
    form = BODY if path == "/register" else {}
    reply = submit(visitor, path, {**form, "email": [people.EMAIL, "other@example.com"]})
    assert (reply.status_code, mailbox.deliver()) == (400, [])


def test_a_form_that_gives_a_name_twice_leaves_a_passkey_its_own(
    app: Flask, user: FlaskClient, add_passkey: Callable[..., TestResponse]
) -> None:
    """I08."""
    path = f"/account/security/passkeys/{add_passkey('Laptop').json['id']}/rename"
    reply = submit(user, path, {"name": ["one", "two"]}, form="/account/security")
    assert (reply.status_code, events(app, "passkey_renamed")) == (400, [])
    assert "<strong>Laptop</strong>" in user.get("/account/security").text


def test_a_form_that_says_twice_where_to_go_next_ends_no_session(desk: FlaskClient, signed_in: people.SignedIn) -> None:
    """I08: many sessions may be named, and one as often as it is."""
    sid = forge.read(signed_in.access)["sid"]
    for next_, status in ((["/admin/events", "/admin/users"], 400), (["/admin/sessions"], 303)):
        assert signed_in.me().status_code == 200
        form = {"sid": [sid, sid], "next": next_}
        assert submit(desk, "/admin/sessions/end", form, form="/admin/sessions").status_code == status
    assert signed_in.me().status_code == 401
