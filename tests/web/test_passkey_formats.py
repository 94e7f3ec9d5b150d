"""What an authenticator may say in its own formats is taken, or refused as no passkey of ours: nothing is a 500."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from webauthn.helpers import bytes_to_base64url
from werkzeug.test import TestResponse

from tests.support import authenticator, people
from tests.support.authenticator import Authenticator

Add = Callable[..., TestResponse]


@pytest.fixture
def add(signed_in: people.SignedIn) -> Add:
    """A function that adds the passkey of an authenticator to John Doe's account."""

    def add(mine: Authenticator, **attestation: Any) -> TestResponse:
        credential = mine.create(authenticator.creation_challenge(signed_in), **attestation)
        return authenticator.add(signed_in, credential)

    return add


@pytest.fixture
def sign_in(app: Flask) -> Callable[[Authenticator], TestResponse]:
    """A function that signs in with an authenticator."""

    def sign_in(mine: Authenticator) -> TestResponse:
        return authenticator.sign_in(app, mine.get(authenticator.sign_in_challenge(app)))

    return sign_in


def test_a_passkey_is_added_and_signs_in(add: Add, sign_in: Callable[[Authenticator], TestResponse]) -> None:
    mine = Authenticator()
    assert (add(mine).status_code, sign_in(mine).status_code) == (201, 200)
    assert sign_in(Authenticator()).json["code"] == "invalid_passkey"


def test_a_counter_that_is_past_31_bits_goes_on(add: Add, sign_in: Callable[[Authenticator], TestResponse]) -> None:
    """WebAuthn §6.1: it has 32 bits, and PostgreSQL's integer one less."""
    mine = Authenticator(sign_count=2**31 - 2)
    assert add(mine).status_code == 201
    for count, status in ((2**31 - 2, 401), (2**31 - 1, 200), (2**31 - 1, 401), (2**31, 200), (2**32 - 1, 200)):
        mine.sign_count = count
        assert sign_in(mine).status_code == status, count
    mine = Authenticator(b"another id", sign_count=2**32 - 2)
    assert add(mine).status_code == 201
    mine.sign_count += 1
    assert sign_in(mine).status_code == 200


def test_an_id_is_at_most_1023_bytes_long(add: Add, sign_in: Callable[[Authenticator], TestResponse]) -> None:
    """WebAuthn §7.1, and what the column holds."""
    longest = Authenticator(bytes(1023))
    assert (add(longest).status_code, sign_in(longest).status_code) == (201, 200)
    for length in (1024, 1051, 10_000):
        reply = add(Authenticator(bytes(length)))
        assert (reply.status_code, list(reply.json["errors"])) == (422, ["credential"]), length


WRONG = [
    ("android-safetynet", {"ver": "1", "response": "text"}),
    (
        "android-safetynet",
        {"ver": "1", "response": f"{bytes_to_base64url(b'[]')}.{bytes_to_base64url(b'[]')}.".encode()},
    ),
    ("android-key", {"alg": -7, "sig": b"x", "x5c": [b"x"]}),
    ("apple", {"x5c": [5, 5]}),
    ("fido-u2f", {"sig": b"x", "x5c": {}}),
    ("packed", {"alg": -7, "sig": "x"}),
    ("tpm", {"ver": "2.0", "alg": -7, "sig": b"x", "x5c": [b"x"], "certInfo": b"x", "pubArea": b"x"}),
    ("tpm", {"ver": "2.0", "alg": -7, "sig": b"x", "x5c": [b"x"], "certInfo": b"x", "pubArea": 5}),
]


@pytest.mark.parametrize(("fmt", "statement"), WRONG)
def test_an_attestation_that_makes_no_sense_is_refused(add: Add, fmt: str, statement: dict[str, Any]) -> None:
    """I03."""
    reply = add(Authenticator(), fmt=fmt, statement=statement)
    assert (reply.status_code, list(reply.json["errors"])) == (422, ["credential"])
