"""What is stored of a passkey, whatever a browser says beside it, and what is none; the ceremonies run in Chromium."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.meanwhile import do_before
from tests.support.steps import MINUTE
from webapp import sessions
from webapp.database import db
from webapp.models import PASSKEY_NAME_LENGTH, Passkey

AddPasskey = Callable[..., TestResponse]


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        (["usb", "hybrid", "usb", "telepathy"], ["hybrid", "usb"]),
        ([[], {}, None, 5, "nfc"], ["nfc"]),
        (5, []),
        ("usb", []),
        ({"usb": True}, []),
        (None, []),
    ],
)
def test_ways_to_reach_it_are_stored_as_far_as_they_are_known(
    app: Flask, add_passkey: AddPasskey, said: Any, stored: list[str]
) -> None:
    """I02: or a body that nobody would send is an error of ours."""
    assert add_passkey(transports=said).status_code == 201
    with app.app_context():
        assert db.session.scalars(select(Passkey.transports)).one() == stored


@pytest.mark.parametrize("pad", [" ", "\u2003" * 20, ""])
def test_a_name_is_stored_without_the_spaces_around_it(app: Flask, add_passkey: AddPasskey, pad: str) -> None:
    name = "k" * PASSKEY_NAME_LENGTH
    assert add_passkey(pad + name + pad).status_code == 201
    with app.app_context():
        assert db.session.scalars(select(Passkey.name)).one() == name


@pytest.mark.parametrize("name", ["", "  ", "k" * (PASSKEY_NAME_LENGTH + 1), "a\nb"])
def test_a_name_that_no_list_can_show_is_refused(add_passkey: AddPasskey, name: str) -> None:
    reply = add_passkey(name)
    assert (reply.status_code, list(reply.json["errors"])) == (422, ["name"])


def test_a_passkey_that_is_removed_while_it_is_renamed_is_not_found(
    signed_in: people.SignedIn, add_passkey: AddPasskey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V06: nor is one that is removed twice, of which its owner is told once."""
    path = f"/api/passkeys/{add_passkey().json['id']}"
    removals = list[int]()

    def remove() -> None:
        removals.append(signed_in.http.delete(path, headers=signed_in.bearer).status_code)

    do_before(monkeypatch, sessions, "due_renewal", remove)
    assert signed_in.http.patch(path, json={"name": "Phone"}, headers=signed_in.bearer).status_code == 404
    remove()
    assert removals == [204, 404]


@pytest.mark.parametrize("number", [2**31, 2**63, 10**40])
def test_a_number_that_no_row_can_have_is_not_found(signed_in: people.SignedIn, number: int) -> None:
    """I01: it matches no route."""
    assert signed_in.http.delete(f"/api/passkeys/{number}", headers=signed_in.bearer).status_code in (404, 405)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_passkey_of_another_user_is_as_one_that_is_not_there(
    app: Flask, add_passkey: AddPasskey, stranger: people.SignedIn, method: str
) -> None:
    """Z03: nor does anything happen to it."""
    own = add_passkey().json["id"]

    def ask(number: int) -> tuple[int, dict[str, Any]]:
        path, body = f"/api/passkeys/{number}", {"name": "Mine"} if method == "PATCH" else None
        reply = stranger.http.open(path, method=method, json=body, headers=stranger.bearer)
        return reply.status_code, {name: said for name, said in reply.json.items() if name != "request_id"}

    missing = ask(own + 1)
    assert (missing[0], ask(own)) == (404, missing)
    assert stranger.http.get("/api/passkeys", headers=stranger.bearer).json["items"] == []
    with app.app_context():
        assert db.session.scalars(select(Passkey.name)).all() == ["Laptop"]


def test_security_says_that_a_passkey_is_added_if_one_was_just_now(
    clock: time_machine.Traveller, user: FlaskClient, add_passkey: AddPasskey
) -> None:
    """A link of somebody else's says nothing."""
    words = "The passkey is added. You can sign in with it."

    def is_said() -> bool:
        reply = user.get("/account/security?added=passkey")
        assert (reply.status_code, reply.location) == (303, "/account/security")
        return words in user.get(reply.location).text

    assert not is_said()
    assert add_passkey().status_code == 201
    assert is_said()
    assert words not in user.get("/account/security").text
    clock.shift(MINUTE)
    assert not is_said()
