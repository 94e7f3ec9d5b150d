"""Forms that are sent twice, by a double click whose first answer is lost: the second answer says what was done."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.steps import csrf_token, events

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
