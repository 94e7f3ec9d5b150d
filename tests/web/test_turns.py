"""What somebody signed in has under way and what takes their session or password away take turns: whoever comes second
sees the first. Each is tried while the other is done, and not yet committed (V04, V05, P06, P12, P14)."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pyotp
import pytest
from flask import Flask
from sqlalchemy import Executable, update

from tests.support import authenticator, forge, people
from tests.support.authenticator import Authenticator
from tests.support.command_line import refused
from tests.support.desk import ADMIN
from tests.support.meanwhile import do_before, wait_for
from tests.support.second_factor import Phone
from tests.support.steps import START, events, refresh
from tests.support.underway import DOORS, Plan, call
from webapp import passkeys, sessions
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import AuthSession, User
from webapp.revocation import EndReason

Begin = Callable[[Executable], None]
ENDS = {"revoked_reason": EndReason.ENDED_BY_USER, "revoked_at": START}
CHANGES = {
    "session_ended": update(AuthSession).values(**ENDS),
    "invalid_fields": update(User).values(password_hash="another"),
}

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def begin(app: Flask) -> Iterator[Begin]:
    """A function that returns when a change is made elsewhere, which is committed in a third of a second."""

    def make(change: Executable, is_made: Event) -> None:
        with app.app_context():
            db.session.execute(change)
            is_made.set()
            time.sleep(0.3)
            db.session.commit()

    with ThreadPoolExecutor(1) as thread:

        def begin(change: Executable) -> None:
            is_made = Event()
            thread.submit(make, change, is_made)
            assert is_made.wait(10)

        yield begin


@pytest.mark.parametrize("refusal", CHANGES)
@pytest.mark.parametrize("door", [*DOORS, "POST /api/me/reauthenticate"])
def test_what_has_had_its_password_compared_waits_for_what_takes_it_away(
    signed_in: people.SignedIn, after_the_password: Plan, begin: Begin, door: str, refusal: str
) -> None:
    """What the thief of a password asks for does not outlive its change."""
    after_the_password(lambda: begin(CHANGES[refusal]))
    assert call(signed_in, door).json["code"] == refusal


@pytest.fixture
def ends_meanwhile(signed_in: people.SignedIn, monkeypatch: pytest.MonkeyPatch, begin: Begin) -> Callable[..., None]:
    """A function that says when the session's end begins: before the next call of a function, or of the view."""

    def plan(module: Any = sessions, name: str = "due_renewal") -> None:
        end = update(AuthSession).where(AuthSession.id == forge.read(signed_in.access)["sid"]).values(**ENDS)
        do_before(monkeypatch, module, name, lambda: begin(end))

    return plan


@pytest.mark.parametrize(
    "door_and_body",
    [
        ("PATCH /api/me", {"first_name": "Jane"}),
        ("POST /api/me/totp", {}),
        ("DELETE /api/sessions", {}),
        ("DELETE /api/sessions/{}", {}),
        ("PATCH /api/passkeys/1", {"name": "Mine"}),
        ("DELETE /api/passkeys/1", {}),
    ],
)
def test_what_asks_for_no_password_waits_for_the_end_of_its_session(
    signed_in: people.SignedIn,
    second_device: people.SignedIn,
    add_passkey: Callable[..., Any],
    ends_meanwhile: Callable[..., None],
    door_and_body: tuple[str, dict[str, str]],
) -> None:
    door, body = door_and_body
    assert add_passkey().json["id"] == 1
    method, path = door.format(forge.read(second_device.access)["sid"]).split()
    ends_meanwhile()
    reply = signed_in.http.open(path, method=method, json=body, headers=signed_in.bearer)
    assert reply.json["code"] == "session_ended"
    assert second_device.me().json["first_name"] == "John"


def test_a_passkey_waits_for_the_end_of_the_session_that_adds_it(
    add_passkey: Callable[..., Any], ends_meanwhile: Callable[..., None]
) -> None:
    ends_meanwhile(passkeys, "checked_name")
    assert add_passkey().json["code"] == "session_ended"


def test_a_second_factor_waits_for_the_end_of_the_session_that_turns_it_on(
    signed_in: people.SignedIn, ends_meanwhile: Callable[..., None]
) -> None:
    secret = signed_in.http.post("/api/me/totp", headers=signed_in.bearer).json["secret"]
    body = {"code": pyotp.TOTP(secret).at(int(utc_now().timestamp()))}
    ends_meanwhile()
    reply = signed_in.http.post("/api/me/totp/confirm", json=body, headers=signed_in.bearer)
    assert reply.json["code"] == "session_ended"


def test_new_recovery_codes_wait_for_the_end_of_the_session_that_makes_them(
    signed_in: people.SignedIn, phone: Phone, ends_meanwhile: Callable[..., None]
) -> None:
    ends_meanwhile()
    reply = signed_in.http.post("/api/me/recovery-codes", headers=signed_in.bearer)
    assert reply.json["code"] == "session_ended"


def test_new_recovery_codes_wait_for_who_takes_their_second_factor_away(
    signed_in: people.SignedIn, phone: Phone, monkeypatch: pytest.MonkeyPatch, begin: Begin
) -> None:
    do_before(monkeypatch, sessions, "due_renewal", lambda: begin(update(User).values(totp_enabled_at=None)))
    reply = signed_in.http.post("/api/me/recovery-codes", headers=signed_in.bearer)
    assert reply.json["code"] == "second_factor_state"


def test_a_passkey_that_signs_in_waits_for_who_lets_its_owner_in_no_more(
    app: Flask, signed_in: people.SignedIn
) -> None:
    mine = Authenticator()
    assert authenticator.add(signed_in, mine.create(authenticator.creation_challenge(signed_in))).status_code == 201
    signed = mine.get(authenticator.sign_in_challenge(app))
    reply = wait_for(app, lambda: authenticator.sign_in(app, signed), update(User).values(is_active=False))
    assert reply.json["code"] == "invalid_passkey"


def test_replays_of_a_session_that_ended_before_wait_for_each_other(app: Flask, signed_in: people.SignedIn) -> None:
    """R03: so that the alarm is raised once, though nothing is left to be ended."""
    second = refresh(app.test_client(), signed_in.refresh).json["refresh_token"]
    assert refresh(app.test_client(), refresh(app.test_client(), second).json["refresh_token"]).status_code == 200
    assert signed_in.http.post("/api/logout", headers=signed_in.bearer).status_code == 204
    touch = update(AuthSession).values(ip=AuthSession.ip)
    reply = wait_for(app, lambda: refresh(app.test_client(), signed_in.refresh), touch)
    assert reply.json["code"] == "token_reused"
    assert len(events(app, "refresh_reuse")) == 1


def test_downloads_of_ones_data_wait_for_each_other(app: Flask, signed_in: people.SignedIn) -> None:
    """Of many at once each is counted before the next is judged."""
    touch = update(User).values(is_active=User.is_active)
    reply = wait_for(app, lambda: signed_in.http.get("/api/me/data", headers=signed_in.bearer), touch)
    assert reply.status_code == 200


def test_who_deletes_an_administrator_waits_for_who_takes_the_other_away(app: Flask, user_id: int) -> None:
    people.create_user(app, ADMIN, is_admin=True)
    people.create_user(app, "other@test.com", is_admin=True)
    demotion = update(User).where(User.email == ADMIN).values(is_admin=False)
    told = wait_for(app, lambda: refused(app, "users", "delete", "other@test.com", "--yes"), demotion)
    assert "administrator" in told
