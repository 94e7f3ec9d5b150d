"""The command line: what an operator does, what it prints, and its exit status."""

import json
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.faults.smtp_servers import post_office
from tests.support import forge, people
from tests.support.live import free_port
from tests.support.settings import make_settings
from tests.support.steps import DAY, START, events, me, refresh
from webapp import create_app, one_time_tokens, outbox, passwords
from webapp.config import Settings
from webapp.database import Base, db
from webapp.demo import PRODUCTS, USERS
from webapp.models import AuditEvent, AuthSession, OutboxMail, Passkey, Product, RecoveryCode, User
from webapp.one_time_tokens import Purpose

PRODUCTION = {"app_env": "production", "public_url": "https://accounts.example.com"}


pytestmark = pytest.mark.usefixtures("clock")


def run(app: Flask, *arguments: str, typed: str | None = None) -> Result:
    return app.test_cli_runner().invoke(args=list(arguments), input=typed)


def refused(app: Flask, *arguments: str) -> str:
    """Return the line with which a command is refused: exit status not 0, no traceback."""
    result = run(app, *arguments)
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit)
    return result.output


def users(app: Flask) -> list[User]:
    with app.app_context():
        return list(db.session.scalars(select(User).order_by(User.id)))


def reasons(app: Flask) -> dict[str, str | None]:
    with app.app_context():
        return {row.id: row.revoked_reason for row in db.session.scalars(select(AuthSession))}


def sid(client: people.SignedIn) -> str:
    return forge.read(client.access)["sid"]


# --- users -----------------------------------------------------------------------------------------------


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
     ("a@test.com", "x" * 1025, "1024"), ("TEST@test.com", "long enough", "account already")],
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


# --- events ----------------------------------------------------------------------------------------------


def test_events_are_listed_the_latest_first_by_user_kind_address_and_day(
    app: Flask, user_id: int, clock: time_machine.Traveller
) -> None:
    people.create_user(app, "other@test.com")
    clock.shift(DAY)
    people.sign_in(app.test_client())
    latest = f"2026-07-02 12:00 UTC\tsign_in\t{people.EMAIL}\tby {people.EMAIL}\t127.0.0.1\n"
    created = [f"2026-07-01 12:00 UTC\tuser_created\t{email}\tby -\t-\n" for email in (people.EMAIL, "other@test.com")]
    assert run(app, "events", "list").output == latest + created[1] + created[0]
    assert run(app, "events", "list", "--limit", "1").output == latest
    assert run(app, "events", "list", "--kind", "sign_in").output == latest
    assert run(app, "events", "list", "--since", "2026-07-02").output == latest
    assert run(app, "events", "list", "--ip", "127.0.0.1").output == latest
    assert run(app, "events", "list", "--user", people.EMAIL).output == latest + created[0]
    assert refused(app, "events", "list", "--kind", "nonsense")
    assert "no user with the address" in refused(app, "events", "list", "--user", "nobody@test.com")


def test_old_events_are_purged_and_that_is_an_event(app: Flask, user_id: int, clock: time_machine.Traveller) -> None:
    """Z09: what the log has lost, it says."""
    clock.shift(400 * DAY)
    people.sign_in(app.test_client())
    assert run(app, "events", "purge").output == "Deleted 1 events.\n"
    with app.app_context():
        rows = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [row.kind for row in rows] == ["sign_in", "events_purged"]
    assert rows[1].detail == {"before": "2026-08-05T12:00:00+00:00", "count": 1}
    assert run(app, "events", "purge", "--older-than", "1").output == "Deleted 0 events.\n"
    assert refused(app, "events", "purge", "--older-than", "0")


def test_a_new_key_is_long_random_and_stored_nowhere(app: Flask) -> None:
    keys = [run(app, "keys", "new").output.strip() for _ in range(2)]
    keys.append("SECRET_KEY=" + json.loads(run(app, "keys", "new", "--json").output)["SECRET_KEY"])
    assert len(set(keys)) == 3
    assert all(re.fullmatch(r"SECRET_KEY=[\w-]{64}", key) for key in keys)
    make_settings(secret_key=keys[0].partition("=")[2])


@pytest.mark.parametrize("curve", ["ed25519", "p-256"])
def test_a_new_signing_key_can_be_set_as_it_is_printed(app: Flask, tmp_path: Path, curve: str) -> None:
    line = run(app, "keys", "new", "--signing", curve).output
    assert line.count("\n") == 1
    (tmp_path / "env").write_text(line + "APP_ENV=development\n")
    (key,) = Settings(_env_file=tmp_path / "env", secret_key="k" * 40).key_pairs
    assert key.jwk
    assert key.jwk["crv"].lower() == curve


# --- sessions --------------------------------------------------------------------------------------------


@pytest.fixture
def clients(app: Flask) -> list[people.SignedIn]:
    """John on two devices and somebody else on one."""
    people.create_user(app)
    people.create_user(app, "other@test.com")
    emails = (people.EMAIL, people.EMAIL, "other@test.com")
    return [people.sign_in(app.test_client(), email=email) for email in emails]


def test_live_sessions_are_listed_all_or_a_users(app: Flask, clients: list[people.SignedIn]) -> None:
    clients[0].http.post("/api/logout", headers=clients[0].bearer)
    output = run(app, "sessions", "list").output
    assert [sid(client) in output for client in clients] == [False, True, True]
    output = run(app, "sessions", "list", "--user", "TEST@TEST.com").output
    assert [sid(client) in output for client in clients] == [False, True, False]
    assert people.EMAIL in output
    assert "127.0.0.1" in output
    assert "nobody@test.com" in refused(app, "sessions", "list", "--user", "nobody@test.com")


def test_expired_sessions_are_not_listed(
    app: Flask, clients: list[people.SignedIn], clock: time_machine.Traveller
) -> None:
    clock.shift(30 * DAY)
    assert run(app, "sessions", "list").output == ""


@pytest.mark.parametrize(
    ("which", "ended"), [("one", [1, 0, 0]), ("user", [1, 1, 0]), ("all", [1, 1, 1])], ids=["one", "user", "all"]
)
def test_an_operator_ends_one_session_a_users_or_all(
    app: Flask, clients: list[people.SignedIn], which: str, ended: list[int]
) -> None:
    """V06, O04: out with the next request, and written down."""
    arguments = {"one": [sid(clients[0])], "user": ["--user", people.EMAIL], "all": ["--all"]}[which]
    result = run(app, "sessions", "revoke", *arguments)
    count = sum(ended)
    assert (result.exit_code, result.output) == (0, f"Ended {count} session{'' if count == 1 else 's'}.\n")
    assert [me(client.http, client.access) for client in clients] == [401 if gone else 200 for gone in ended]
    assert sorted(filter(None, reasons(app).values())) == ["ended_by_operator"] * count
    written = events(app, "session_revoked")
    assert [(event.actor_id, event.detail["reason"]) for event in written] == [(None, "ended_by_operator")] * count


@pytest.mark.parametrize("looks_like_an_option", ["-1", "-h", "--", "--a"])
def test_a_session_is_ended_whatever_its_id_begins_with(
    app: Flask, http: FlaskClient, user_id: int, monkeypatch: pytest.MonkeyPatch, looks_like_an_option: str
) -> None:
    monkeypatch.setattr("webapp.sessions._new_id", lambda: looks_like_an_option.ljust(22, "x"))
    client = people.sign_in(http)
    assert run(app, "sessions", "revoke", sid(client)).output == "Ended 1 session.\n"
    assert me(http, client.access) == 401


def test_no_new_session_has_an_id_that_looks_like_an_option(
    app: Flask, http: FlaskClient, user_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = iter(["-1".ljust(22, "x"), "--all".ljust(22, "x"), "a-1".ljust(22, "x")])
    monkeypatch.setattr("webapp.sessions.secrets.token_urlsafe", lambda _: next(ids))
    client = people.sign_in(http)
    assert sid(client).startswith("a-1")


@pytest.mark.parametrize(
    "arguments", [[], ["x", "--all"], ["--user", people.EMAIL, "--all"], ["--user", "no@test.com"]]
)
def test_an_order_that_is_not_clear_ends_nothing(
    app: Flask, clients: list[people.SignedIn], arguments: list[str]
) -> None:
    refused(app, "sessions", "revoke", *arguments)
    assert set(reasons(app).values()) == {None}


def test_a_session_that_is_none_is_told_by_the_exit_status(app: Flask, clients: list[people.SignedIn]) -> None:
    assert "no live session" in refused(app, "sessions", "revoke", "A" * 22)
    run(app, "sessions", "revoke", sid(clients[0]))
    assert "no live session" in refused(app, "sessions", "revoke", sid(clients[0]))


def test_a_purge_tells_how_many_it_deleted_and_keeps_what_is_not_over(
    app: Flask, clients: list[people.SignedIn], clock: time_machine.Traveller
) -> None:
    """R14."""
    assert refresh(clients[0].http, clients[0].refresh or "").status_code == 200
    clock.shift(1)
    run(app, "sessions", "revoke", "--all")
    with app.app_context():
        one_time_tokens.issue(db.session, Purpose.PASSKEY_SIGN_IN, user_id=None, now=START)
        db.session.commit()
    nothing = "Deleted 0 expired sessions.\nDeleted 0 expired one-time tokens.\nDeleted 0 old refreshes.\n"
    assert run(app, "sessions", "purge").output == nothing
    clock.shift(30 * DAY)
    gone = "Deleted 3 expired sessions.\nDeleted 1 expired one-time tokens.\nDeleted 1 old refreshes.\n"
    assert run(app, "sessions", "purge").output == gone
    assert reasons(app) == {}


# --- demo, prepare ---------------------------------------------------------------------------------------


def dump(app: Flask) -> list[Any]:
    with app.app_context():
        return [row for table in Base.metadata.sorted_tables for row in db.session.execute(select(table)).all()]


def test_the_demo_data_is_loaded_once(app: Flask) -> None:
    """A second time changes nothing: not a name, not a password, not an audit event."""
    first = run(app, "demo", "load")
    assert first.exit_code == 0
    for user in USERS:
        assert f"{user['email']} / {user['password']}" in first.output
        assert people.sign_in(app.test_client(), email=user["email"], password=user["password"])
    assert [user.is_admin for user in users(app)] == [False, True]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Product)) == len(PRODUCTS)
    before = dump(app)
    second = run(app, "demo", "load")
    assert (second.exit_code, second.output) == (0, first.output)
    assert dump(app) == before


def test_demo_data_that_was_changed_stays_changed(app: Flask) -> None:
    people.create_user(app, password="a password of my own")
    assert run(app, "demo", "load").exit_code == 0
    assert people.sign_in(app.test_client(), password="a password of my own")


def test_production_takes_no_demo_users(make_app: Callable[..., Flask]) -> None:
    """A17: their passwords are public."""
    app = make_app(**PRODUCTION)
    assert "development only" in refused(app, "demo", "load")
    assert users(app) == []


def empty_app(tmp_path: Path, **settings: Any) -> Flask:
    """The product over a SQLite file without tables."""
    return create_app(make_settings(database_url=f"sqlite:///{tmp_path}/new/empty.db", **settings))


def test_prepare_makes_the_tables_and_in_development_the_demo_users(tmp_path: Path) -> None:
    app = empty_app(tmp_path)
    for _ in range(2):
        result = run(app, "prepare")
        assert (result.exit_code, "test@test.com / Test123!" in result.output) == (0, True)
    assert len(users(app)) == 2


def test_prepare_in_production_makes_the_tables_and_no_user(tmp_path: Path) -> None:
    """A17."""
    app = empty_app(tmp_path, **PRODUCTION)
    assert run(app, "prepare").exit_code == 0
    assert users(app) == []


# --- doctor ----------------------------------------------------------------------------------------------


def test_the_doctor_finds_nothing_that_fails_in_a_sound_installation(make_app: Callable[..., Flask]) -> None:
    """What it finds in others: tests/doctor."""
    port = free_port()
    production = {**PRODUCTION, "secret_key": secrets.token_urlsafe(48), "mail_url": f"smtp://127.0.0.1:{port}"}
    app = make_app(**production, ratelimit_enabled=True, web_concurrency=1)
    run(app, "users", "create", "root@test.com", "--password", "long enough", "--admin")
    with post_office(port):
        result = run(app, "doctor")
    assert result.exit_code == 0
    for subject in ("settings", "cookies", "cors", "limits", "mail", "database", "migrations"):
        assert f"ok   {subject}:" in result.output
    assert "fail" not in result.output
    assert "Secure" in result.output
    assert production["secret_key"] not in result.output


@pytest.mark.parametrize(
    ("settings", "warning"),
    [({}, "warn settings: development"), ({"ratelimit_enabled": False}, "warn limits: off"),
     ({"ratelimit_enabled": True, "web_concurrency": 2}, "warn limits: limits per address"),
     ({}, "warn administrator: there is none")],
)  # fmt: skip
def test_the_doctor_warns_of_what_works_and_should_not_stay(
    make_app: Callable[..., Flask], settings: dict[str, Any], warning: str
) -> None:
    result = run(make_app(**settings), "doctor")
    assert (result.exit_code, warning in result.output) == (0, True)


def test_the_doctor_fails_where_migrations_are_missing(tmp_path: Path) -> None:
    """L13: and says what to run."""
    result = run(empty_app(tmp_path), "doctor")
    assert result.exit_code == 1
    assert "fail migrations:" in result.output
    assert "db upgrade" in result.output


@pytest.mark.parametrize("url", ["postgresql+psycopg://u:hunter2@127.0.0.1:1/x", "sqlite:////dev/null/x/evergreen.db"])
def test_the_doctor_fails_where_the_database_cannot_be_reached(tmp_path: Path, url: str) -> None:
    """O05: without the password in the line."""
    if url.startswith("sqlite"):
        (tmp_path / "folder.db").mkdir()
        url = f"sqlite:///{tmp_path}/folder.db"
    result = run(create_app(make_settings(database_url=url)), "doctor")
    assert result.exit_code == 1
    assert "fail database:" in result.output
    assert "hunter2" not in result.output


def test_a_command_that_needs_the_database_says_in_one_line_that_it_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    app = create_app(make_settings(database_url=f"sqlite:///{tmp_path}/folder.db"))
    assert "doctor" in refused(app, "users", "list")


def test_no_finding_of_the_doctor_shows_the_key(app: Flask) -> None:
    """O05."""
    assert make_settings().secret_key.get_secret_value() not in run(app, "doctor").output
