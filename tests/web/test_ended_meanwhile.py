"""What a session had under way when it was ended comes to nothing, however long its password took to be compared."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from tests.support import forge, people
from tests.support.mailbox import Mailbox
from tests.support.meanwhile import do_before, wait_for
from tests.support.recovery import NEW_PASSWORD, THIEF, forgot, reset
from tests.support.second_factor import Phone, login
from tests.support.steps import assert_refused, events
from tests.support.underway import DOORS, UNASKED, Plan, call
from webapp import email_change, one_time_tokens, outbox, passkeys, reauthentication, sessions
from webapp.clock import utc_now
from webapp.database import DbSession, db
from webapp.models import OutboxMail, User

pytestmark = pytest.mark.usefixtures("clock")


def delete_account(session: people.SignedIn) -> None:
    assert call(session, "DELETE /api/me").status_code == 204


@pytest.mark.parametrize("door", DOORS)
def test_what_asks_for_the_password_is_refused_to_a_session_that_was_ended(
    app: Flask, signed_in: people.SignedIn, phone: Phone, after_the_password: Plan, door: str
) -> None:
    """V04, P08."""
    after_the_password(lambda: signed_in.http.post("/api/logout", headers=signed_in.bearer))
    assert_refused(call(signed_in, door), "session_ended")
    assert login(app).json["code"] == "mfa_required"
    assert login(app, phone.code()).status_code == 200


@pytest.mark.parametrize("door", DOORS)
def test_an_old_password_does_nothing_once_it_was_reset(
    app: Flask, signed_in: people.SignedIn, mailbox: Mailbox, after_the_password: Plan, door: str
) -> None:
    """P06, P08."""
    forgot(app)
    token = mailbox.token("reset")
    after_the_password(lambda: reset(app, token))
    assert_refused(call(signed_in, door), "session_ended")
    assert mailbox.to(THIEF) == []
    assert login(app, password=NEW_PASSWORD).status_code == 200


@pytest.mark.parametrize("door", [*DOORS, "POST /api/me/reauthenticate"])
def test_what_asks_for_the_password_of_an_account_that_was_deleted_meanwhile_is_told_that_its_session_ended(
    app: Flask, signed_in: people.SignedIn, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    """V06: a second click, or another tab."""
    do_before(monkeypatch, reauthentication, "check_throttle", lambda: delete_account(signed_in))
    assert_refused(call(signed_in, door), "session_ended")


@pytest.mark.parametrize("door", [*DOORS, "POST /api/me/reauthenticate"])
def test_what_has_the_password_of_an_account_that_is_deleted_next_is_told_that_its_session_ended(
    app: Flask, signed_in: people.SignedIn, after_the_password: Plan, door: str
) -> None:
    """V06."""
    after_the_password(lambda: call(signed_in, "DELETE /api/me"))
    assert_refused(call(signed_in, door), "session_ended")
    assert events(app, "reauthenticated") == []


@pytest.mark.parametrize("door", [*UNASKED, "GET /api/me/data"])
def test_what_asks_for_no_password_of_an_account_that_is_deleted_meanwhile_is_told_the_same(
    signed_in: people.SignedIn, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    """V06: between the look at the session and the look at the user."""
    do_before(monkeypatch, sessions, "due_renewal", lambda: delete_account(signed_in))
    assert_refused(call(signed_in, door), "session_ended")


@pytest.mark.parametrize("door", [door for door in UNASKED if not door.endswith("/confirm")])
def test_what_writes_for_an_account_whose_deletion_is_not_yet_committed_waits_and_is_told_the_same(
    app: Flask, signed_in: people.SignedIn, door: str
) -> None:
    """V06."""
    assert_refused(wait_for(app, lambda: call(signed_in, door), delete(User)), "session_ended")


def test_a_seed_of_a_session_that_a_new_password_ended_meanwhile_is_not_kept(
    app: Flask, signed_in: people.SignedIn, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P06: whoever had the old password knows it."""
    forgot(app)
    token = mailbox.token("reset")
    do_before(monkeypatch, sessions, "due_renewal", lambda: reset(app, token))
    assert_refused(call(signed_in, "POST /api/me/totp"), "session_ended")
    with app.app_context():
        assert db.session.scalars(select(User.totp_seed)).all() == [None]


@pytest.mark.parametrize(
    "door", ["DELETE /api/sessions", "DELETE /api/sessions/{}", "PATCH /api/me", "DELETE /api/passkeys/1"]
)
def test_who_was_put_out_meanwhile_neither_puts_out_their_owner_nor_changes_anything(
    signed_in: people.SignedIn, second_device: people.SignedIn, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    """V04, V05."""
    do_before(monkeypatch, sessions, "due_renewal", lambda: call(signed_in, "POST /api/me/password"))
    reply = call(second_device, door.format(forge.read(signed_in.access)["sid"]))
    assert_refused(reply, "session_ended")
    assert (signed_in.me().status_code, signed_in.me().json["first_name"]) == (200, "John")


def test_a_password_that_is_changed_by_the_same_session_meanwhile_proves_nothing(
    signed_in: people.SignedIn, mailbox: Mailbox, after_the_password: Plan
) -> None:
    after_the_password(lambda: call(signed_in, "POST /api/me/password"))
    reply = call(signed_in, "POST /api/me/email")
    assert (reply.status_code, list(reply.json["errors"])) == (422, ["password"])
    assert mailbox.to(THIEF) == []


def test_no_passkey_is_added_by_a_session_that_was_ended(
    signed_in: people.SignedIn, add_passkey: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """P14."""
    check = passkeys.checked_name

    def check_late(name: str) -> str:
        assert signed_in.http.post("/api/logout", headers=signed_in.bearer).status_code == 204
        return check(name)

    monkeypatch.setattr(passkeys, "checked_name", check_late)
    assert_refused(add_passkey(), "session_ended")


def test_a_link_that_is_written_into_a_mail_is_not_missed_by_what_takes_it_back(
    app: Flask, signed_in: people.SignedIn, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P06, P08: on SQLite too, which locks no row that is only read."""
    assert call(signed_in, "POST /api/me/email").status_code == 202
    look = outbox.detail_of
    begun: list[Future[None]] = []

    def cancel() -> None:
        with app.app_context():
            one_time_tokens.lock_owner(db.session, 1)  # as whoever takes a link back does
            email_change.cancel(db.session, user_id=1, now=utc_now())
            db.session.commit()

    with ThreadPoolExecutor(1) as thread:

        def look_and_wait(session: DbSession, row: OutboxMail) -> dict[str, Any] | None:
            found = look(session, row)
            if row.kind == outbox.MailKind.CONFIRM_NEW_ADDRESS:
                begun.append(thread.submit(cancel))
                wait(begun, timeout=0.5)
            return found

        monkeypatch.setattr(outbox, "detail_of", look_and_wait)
        token = mailbox.token("verify", THIEF)
        begun[0].result()
    assert app.test_client().post("/api/email/verify", json={"token": token}).status_code == 400
