"""The fields of forms: each once, as the members of a JSON object are."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
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
