"""`flask users`: what an operator does with accounts, what it prints; and every list as JSON."""

import json

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, select

from tests.support import people
from tests.support.command_line import refused, run
from tests.support.people import users
from tests.support.sessions import sid
from tests.support.steps import START, events
from webapp import keyset, outbox, passwords, sessions
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
        for name in ("phone", "key"):
            row = {"credential_id": name, "public_key": b"", "sign_count": 0, "created_at": START}
            db.session.add(Passkey(user_id=user_id, name=name, **row))
        db.session.commit()
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


@pytest.mark.parametrize(
    ("command", "done", "change"),
    [
        ("promote", "is an administrator now", ("user_promoted", "is_admin", True)),
        ("deactivate", "is deactivated; every session has ended", ("user_deactivated", "is_active", False)),
        ("unlock", "lets new devices in again", ("user_unlocked", "failed_sign_ins", 0)),
    ],
)
def test_a_user_is_changed_by_address_and_nobody_is_the_actor(
    app: Flask, user_id: int, command: str, done: str, change: tuple[str, str, object]
) -> None:
    """Z09."""
    kind, column, value = change
    with app.app_context():
        db.session.get_one(User, user_id).failed_sign_ins = 100
        db.session.commit()
    assert run(app, "users", command, people.EMAIL.upper()).output == f"{people.EMAIL} {done}.\n"
    assert getattr(users(app)[0], column) == value
    (event,) = events(app, kind)
    assert (event.user_id, event.actor_id, event.user_agent) == (user_id, None, "flask command line")
    assert "no user with the address" in refused(app, "users", command, "nobody@test.com")


@pytest.mark.parametrize("command", ["promote", "demote", "deactivate", "activate", "unlock"])
def test_what_is_so_already_is_said_and_not_written_down_again(app: Flask, user_id: int, command: str) -> None:
    """Z09."""
    with app.app_context():
        john = db.session.get_one(User, user_id)
        john.is_admin, john.is_active, john.failed_sign_ins = command == "demote", command != "activate", 100
        db.session.commit()
    people.create_user(app, "other@test.com", is_admin=True)
    first, second = (run(app, "users", command, people.EMAIL) for _ in range(2))
    assert (first.output, first.exit_code) == (second.output, second.exit_code)
    assert second.exit_code == 0
    kind = f"user_{command}{'d' if command.endswith('e') else 'ed'}"
    assert len(events(app, kind)) == 1


def test_who_is_let_in_no_more_is_made_no_administrator(app: Flask, user_id: int) -> None:
    run(app, "users", "deactivate", people.EMAIL)
    assert "is deactivated. Activate the account first." in refused(app, "users", "promote", people.EMAIL)
    assert events(app, "user_promoted") == []


def test_what_was_given_is_taken_and_the_last_administrator_stays(app: Flask, signed_in: people.SignedIn) -> None:
    """Z05, V06."""
    run(app, "users", "promote", people.EMAIL)
    for command in ("demote", "deactivate"):
        assert "The last administrator has to stay one" in refused(app, "users", command, people.EMAIL)
    assert signed_in.me().status_code == 200
    people.create_user(app, "other@test.com", is_admin=True)
    assert run(app, "users", "demote", people.EMAIL).output == f"{people.EMAIL} is no administrator any more.\n"
    run(app, "users", "deactivate", people.EMAIL)
    assert signed_in.me().status_code == 401
    assert run(app, "users", "activate", people.EMAIL).output == f"{people.EMAIL} can sign in again.\n"
    people.sign_in(app.test_client())


def test_a_user_is_shown_with_passkeys_and_sessions_and_without_secrets(
    app: Flask, user_id: int, signed_in: people.SignedIn
) -> None:
    with app.app_context():
        row = {"credential_id": "x", "public_key": b"", "sign_count": 0, "created_at": START}
        db.session.add(Passkey(user_id=user_id, name="Laptop", **row))
        db.session.commit()
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


@pytest.mark.parametrize("group", ["users", "sessions", "events", "mail"])
def test_every_list_is_json_if_so_wished(app: Flask, signed_in: people.SignedIn, group: str) -> None:
    with app.app_context():
        outbox.enqueue(db.session, outbox.MailKind.PASSWORD_CHANGED, user_id=1, now=START)
        db.session.commit()
    rows = json.loads(run(app, group, "list", "--json").output)
    assert len(rows) == len(run(app, group, "list").output.splitlines()) >= 1
    expected = {"users": people.EMAIL, "sessions": sid(signed_in), "events": "sign_in", "mail": "password_changed"}
    assert expected[group] in {str(value) for value in rows[0].values()}
    assert all(row.get("created_at", row.get("at")).endswith("+00:00") for row in rows)


def test_a_list_of_nothing_is_an_array_too(app: Flask) -> None:
    assert json.loads(run(app, "users", "list", "--json").output) == []


@pytest.mark.parametrize("group", ["users", "sessions"])
def test_a_long_list_is_read_a_few_rows_at_a_time(
    app: Flask, clock: time_machine.Traveller, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O04: a million at once would take longer than a statement may, and more memory than there is."""
    monkeypatch.setattr(keyset, "BATCH", 2)
    addresses = [f"{number}@test.com" for number in range(5)]
    for address in addresses:
        people.create_user(app, address)
        people.sign_in(app.test_client(), email=address)
        clock.shift(1)
    statements: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    lines = run(app, group, "list").output.splitlines()
    assert [line.split("\t")[1] for line in lines] == (addresses if group == "users" else addresses[::-1])
    in_order = [statement for statement in statements if "ORDER BY" in statement]
    assert len(in_order) >= len(addresses) / 2
    assert all("LIMIT" in statement for statement in in_order)
