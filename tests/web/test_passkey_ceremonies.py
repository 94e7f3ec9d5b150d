"""Whom a challenge lets add a passkey or sign in, and what is left of one that did not."""

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select
from webauthn.helpers import bytes_to_base64url

from tests.support import people
from tests.support.authenticator import Authenticator, add, creation_challenge, sign_in, sign_in_challenge
from tests.support.desk import change
from tests.support.steps import MINUTE, START, events
from webapp.database import db
from webapp.models import Passkey
from webapp.passkey_ceremonies import MOST_PASSKEYS

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def mine(signed_in: people.SignedIn) -> Authenticator:
    """An authenticator that has a passkey of John Doe's."""
    mine = Authenticator()
    assert add(signed_in, mine.create(creation_challenge(signed_in))).status_code == 201
    return mine


# --- adding ----------------------------------------------------------------------------------------------


def test_a_challenge_of_another_user_or_another_ceremony_adds_nothing(
    app: Flask, signed_in: people.SignedIn, stranger: people.SignedIn
) -> None:
    """P01: it is bound to its user and its purpose."""
    for challenge in (creation_challenge(stranger), sign_in_challenge(app)):
        refused = add(signed_in, Authenticator().create(challenge))
        assert (refused.status_code, list(refused.json["errors"])) == (422, ["credential"])
    with app.app_context():
        assert db.session.scalars(select(Passkey)).all() == []


def test_an_account_has_twenty_passkeys_at_most(app: Flask, signed_in: people.SignedIn, user_id: int) -> None:
    """Each challenge for another one lists them all."""
    assert MOST_PASSKEYS == 20
    values = {"user_id": user_id, "public_key": b"a key", "sign_count": 0, "name": "Key", "created_at": START}
    with app.app_context():
        db.session.add_all(Passkey(credential_id=bytes_to_base64url(bytes([n])), **values) for n in range(19))
        db.session.commit()
    last, more = Authenticator(b"the last one"), Authenticator(b"one too many")
    assert add(signed_in, last.create(creation_challenge(signed_in))).status_code == 201
    refused = add(signed_in, more.create(creation_challenge(signed_in)))
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["credential"])
    assert "at most 20 passkeys" in refused.json["errors"]["credential"][0]


# --- signing in ------------------------------------------------------------------------------------------


def test_a_challenge_for_creation_signs_nobody_in(app: Flask, mine: Authenticator, signed_in: people.SignedIn) -> None:
    """P01: what was made for one purpose serves no other."""
    assert sign_in(app, mine.get(creation_challenge(signed_in))).status_code == 401
    assert sign_in(app, mine.get(sign_in_challenge(app))).status_code == 200


def test_a_challenge_signs_in_once_and_within_five_minutes(
    app: Flask, mine: Authenticator, clock: time_machine.Traveller
) -> None:
    """P01."""
    used, late = sign_in_challenge(app), sign_in_challenge(app)
    assert [sign_in(app, mine.get(used)).status_code for _ in range(2)] == [200, 401]
    clock.shift(5 * MINUTE)
    assert sign_in(app, mine.get(late)).status_code == 401


def test_the_handle_that_an_authenticator_gives_is_the_users(app: Flask, mine: Authenticator, user_id: int) -> None:
    """WebAuthn §7.2, step 6: it need not give one."""
    for handle, status in ((f"user {user_id}", 200), (f"user {user_id + 1}", 401), ("", 200), ("user", 401)):
        credential = mine.get(sign_in_challenge(app))
        credential["response"]["userHandle"] = bytes_to_base64url(handle.encode())
        assert (handle, sign_in(app, credential).status_code) == (handle, status)


def test_the_passkey_of_an_account_that_is_not_active_signs_nobody_in(
    app: Flask, mine: Authenticator, user_id: int
) -> None:
    """V06."""
    change(app, user_id, is_active=False)
    refused = sign_in(app, mine.get(sign_in_challenge(app)))
    assert (refused.status_code, refused.json["code"]) == (401, "invalid_passkey")
    change(app, user_id, is_active=True)
    assert sign_in(app, mine.get(sign_in_challenge(app))).status_code == 200


def test_a_failure_spends_its_challenge_and_is_written_down(app: Flask, mine: Authenticator, user_id: int) -> None:
    """Z09: with whose passkey it was, as far as it got."""
    challenge = sign_in_challenge(app)
    forged = mine.get(challenge)
    forged["response"]["signature"] = bytes_to_base64url(b"no signature")
    for credential in (forged, mine.get(challenge)):
        assert sign_in(app, credential).json["code"] == "invalid_passkey"
    written = [(event.user_id, event.actor_id, event.detail) for event in events(app, "sign_in_failed")]
    assert written == [(user_id, None, {"door": "passkey"}), (None, None, {"door": "passkey"})]
