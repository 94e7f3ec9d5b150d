"""`flask users`: accounts are created, deleted, listed and shown by an operator, and what is lost is taken off them."""

import json

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support import people
from tests.support.command_line import refused, run
from tests.support.people import users
from tests.support.sessions import sid
from tests.support.steps import START, events
from tests.support.ways_in import add_passkey
from webapp import passwords, sessions
from webapp.audit import COMMAND_LINE
from webapp.database import db
from webapp.models import AuthSession, OutboxMail, Passkey, RecoveryCode, User
from webapp.web.context import settings

pytestmark = pytest.mark.usefixtures("clock")


def test_what_stands_beside_a_password_is_taken_away_from_who_has_lost_it(app: Flask, user_id: int) -> None:
    with app.app_context():
        user = db.session.get_one(User, user_id)
        user.totp_seed, user.totp_enabled_at = "sealed", START
        db.session.add(RecoveryCode(user_id=user_id, code_hash="x"))
        db.session.commit()
    for name in ("phone", "key"):
        add_passkey(app, user_id, name)
    command = ("users", "remove-second-factor", people.EMAIL)
    assert run(app, *command).output == "Two-step sign-in is off now. Removed 2 passkeys.\n"
    assert run(app, *command).output == "Two-step sign-in was off. Removed 0 passkeys.\n"
    with app.app_context():
        user = db.session.get_one(User, user_id)
        assert (user.totp_seed, user.totp_enabled_at) == (None, None)
        for model in (RecoveryCode, Passkey):
            assert db.session.scalars(select(model)).all() == []
        assert [mail.kind for mail in db.session.scalars(select(OutboxMail))] == [
            "second_factor_removed",
            "passkey_removed",
            "passkey_removed",
        ]
    (event,) = events(app, "totp_disabled")
    assert (event.user_id, event.actor_id, event.user_agent) == (user_id, None, "flask command line")
    assert "no user with the address" in refused(app, "users", "remove-second-factor", "nobody@test.com")


def test_an_operator_deletes_an_account_whose_owner_has_asked_for_it(app: Flask, user_id: int) -> None:
    """Also of who is let in no more, and cannot do it; what the log says of it stays."""
    people.sign_in(app.test_client())
    run(app, "users", "deactivate", people.EMAIL)
    kept = run(app, "users", "delete", people.EMAIL, typed="n\n")
    assert (kept.exit_code, [user.id for user in users(app)]) == (1, [user_id])
    assert "or give --yes" in refused(app, "users", "delete", people.EMAIL)
    result = run(app, "users", "delete", people.EMAIL, typed="y\n")
    assert result.output.endswith(f"Deleted user {user_id}: {people.EMAIL}\n")
    assert users(app) == []
    with app.app_context():
        assert db.session.scalars(select(AuthSession)).all() == []
        (mail,) = db.session.scalars(select(OutboxMail))
    assert (mail.kind, mail.detail["address"]) == ("account_deleted", people.EMAIL)
    (event,) = events(app, "account_deleted")
    assert (event.user_id, event.actor_id, event.user_agent) == (user_id, None, "flask command line")
    assert "no user with the address" in refused(app, "users", "delete", people.EMAIL, "--yes")


def test_the_last_administrator_cannot_be_deleted(app: Flask) -> None:
    for name in ("root", "second"):
        run(app, "users", "create", f"{name}@test.com", "--password", "hunter2-hunter2", "--verified", "--admin")
    assert run(app, "users", "delete", "root@test.com", "--yes").exit_code == 0
    assert "administrator" in refused(app, "users", "delete", "second@test.com", "--yes")
    assert [user.email for user in users(app)] == ["second@test.com"]


def test_an_operator_creates_a_user(app: Flask) -> None:
    """A17, Z09: written down; the password is printed nowhere."""
    names = ("--first-name", "Ada", "--last-name", "Lovelace")
    result = run(app, "users", "create", "Ada@Test.COM", "--password", "hunter2-hunter2", *names)
    assert result.exit_code == 0
    assert "Ada@test.com" in result.output
    assert "hunter2" not in result.output
    (user,) = users(app)
    assert (user.email, user.first_name, user.last_name) == ("Ada@test.com", "Ada", "Lovelace")
    assert (user.email_verified, user.is_admin, user.is_active) == (False, False, True)
    assert passwords.verify_password(user.password_hash, "hunter2-hunter2")
    (event,) = events(app, "user_created")
    assert (event.user_id, event.user_agent) == (user.id, "flask command line")


def test_an_operator_creates_a_verified_administrator_and_is_asked_for_the_password(app: Flask) -> None:
    """O05: so that it need not stand in the shell's history; typed twice, shown never."""
    typed = "hunter2-hunter2\nhunter2-hunter2\n"
    result = run(app, "users", "create", "root@test.com", "--verified", "--admin", typed=typed)
    assert result.exit_code == 0
    assert "hunter2" not in result.output
    (user,) = users(app)
    assert (user.email_verified, user.is_admin) == (True, True)
    assert people.sign_in(app.test_client(), email="root@test.com", password="hunter2-hunter2")


@pytest.mark.parametrize(
    ("email", "password", "words"),
    [("not an address", "long enough", "address"), ("a@test.com", "short", "8 characters"),
     ("a@test.com", "x" * 1025, "1024"), ("TEST@test.com", "long enough", "account already"),
     ("josé@test.com", "long enough", "before the @-sign are not supported")],
)  # fmt: skip
def test_what_cannot_be_a_user_is_refused_in_one_line(app: Flask, email: str, password: str, words: str) -> None:
    people.create_user(app)
    assert words in refused(app, "users", "create", email, "--password", password)
    assert len(users(app)) == 1


def test_users_are_listed_with_what_is_special_about_them(app: Flask) -> None:
    assert run(app, "users", "list").output == ""
    people.create_user(app, "a@test.com", is_admin=True)
    people.create_user(app, "b@test.com", is_verified=False, first_name="", last_name="")
    lines = run(app, "users", "list").output.splitlines()
    assert lines == ["1\ta@test.com\tJohn Doe\tadministrator", "2\tb@test.com\t \tunverified"]


def test_a_user_is_shown_with_passkeys_and_sessions_and_without_secrets(
    app: Flask, user_id: int, signed_in: people.SignedIn
) -> None:
    add_passkey(app, user_id, "Laptop")
    shown = run(app, "users", "show", people.EMAIL).output
    assert shown.startswith(f"{user_id}\t{people.EMAIL}\tJohn Doe\nSince 2026-07-01 12:00 UTC\nTwo-step sign-in: off\n")
    assert f"Passkeys: Laptop\nActive sessions: 1\n  {sid(signed_in)}\t" in shown
    facts = json.loads(run(app, "users", "show", people.EMAIL, "--json").output)
    assert (facts["id"], facts["passkeys"], facts["sessions"][0]["id"]) == (user_id, ["Laptop"], sid(signed_in))
    assert not {"password_hash", "totp_seed"} & set(facts)
    assert "no user with the address" in refused(app, "users", "show", "nobody@test.com")


def test_of_many_sessions_all_are_shown(app: Flask, user_id: int) -> None:
    """More than a page of the desk, and than the device list, have."""
    with app.app_context():
        one = {"user_id": user_id, "transport": "body", "remember": True, "client": COMMAND_LINE, "now": START}
        for _ in range(201):
            sessions.open_session(db.session, settings(), **one)
    assert "Active sessions: 201\n" in run(app, "users", "show", people.EMAIL).output
    assert len(json.loads(run(app, "users", "show", people.EMAIL, "--json").output)["sessions"]) == 201
