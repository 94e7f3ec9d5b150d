"""What is stored of a passkey, whatever a browser says beside it, and what is none; the ceremonies run in Chromium."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import webauthn
from flask import Flask
from sqlalchemy import select
from webauthn.helpers import bytes_to_base64url
from webauthn.registration.verify_registration_response import VerifiedRegistration
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.settings import PUBLIC_URL
from webapp.database import db
from webapp.models import PASSKEY_NAME_LENGTH, Passkey

Add = Callable[..., TestResponse]


@pytest.fixture
def add(app: Flask, user_id: int, monkeypatch: pytest.MonkeyPatch) -> Add:
    """Add a passkey whose signature is right, as far as the library says."""

    def verified(**_: Any) -> Any:
        made = VerifiedRegistration.__new__(VerifiedRegistration)
        made.credential_id, made.credential_public_key, made.sign_count = b"an id", b"a key", 0
        return made

    monkeypatch.setattr(webauthn, "verify_registration_response", verified)
    session = people.sign_in(app.test_client())

    def call(name: str = "Laptop", **response: Any) -> TestResponse:
        options = session.http.post("/api/passkeys/options", headers=session.bearer).json
        said = json.dumps({"challenge": options["challenge"], "origin": PUBLIC_URL}).encode()
        data = bytes_to_base64url(said)
        body = {"name": name, "credential": {"id": "an id", "response": {"clientDataJSON": data, **response}}}
        return session.http.post("/api/passkeys", headers=session.bearer, json=body)

    return call


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
    app: Flask, add: Add, said: Any, stored: list[str]
) -> None:
    """I02: or a body that nobody would send is an error of ours."""
    assert add(transports=said).status_code == 201
    with app.app_context():
        assert db.session.scalars(select(Passkey.transports)).one() == stored


@pytest.mark.parametrize("pad", [" ", "\u2003" * 20, ""])
def test_a_name_is_stored_without_the_spaces_around_it(app: Flask, add: Add, pad: str) -> None:
    name = "k" * PASSKEY_NAME_LENGTH
    assert add(pad + name + pad).status_code == 201
    with app.app_context():
        assert db.session.scalars(select(Passkey.name)).one() == name


@pytest.mark.parametrize("name", ["", "  ", "k" * (PASSKEY_NAME_LENGTH + 1), "a\nb"])
def test_a_name_that_no_list_can_show_is_refused(add: Add, name: str) -> None:
    reply = add(name)
    assert (reply.status_code, list(reply.json["errors"])) == (422, ["name"])


@pytest.mark.parametrize("number", [2**31, 2**63, 10**40])
def test_a_number_that_no_row_can_have_is_not_found(signed_in: people.SignedIn, number: int) -> None:
    """I01: it matches no route."""
    assert signed_in.http.delete(f"/api/passkeys/{number}", headers=signed_in.bearer).status_code in (404, 405)
