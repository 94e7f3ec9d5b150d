"""What every command does alike: odd arguments are refused in one line, and so is what others have locked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DatabaseError

from tests.support.command_line import refused
from tests.support.databases import (
    close_connections,
    closed_postgresql,
    damaged_sqlite,
    empty_postgresql,
    empty_sqlite,
    forbidden_postgresql,
    no_sqlite_file,
)
from tests.support.meanwhile import do_before
from tests.support.people import users
from tests.support.settings import make_settings
from tests.support.waiting import wait_until
from webapp import audit, create_app, database, one_time_tokens, postgresql
from webapp.cli.shared import explains_errors
from webapp.clock import utc_now
from webapp.database import db
from webapp.one_time_tokens import Purpose

UNUSABLE = "Error: The database cannot be used. `flask --app wsgi doctor` says what to mend.\n"
LOCKED = "Error: Others kept the database locked for too long. Run it again at a quieter moment.\n"


@pytest.mark.parametrize("text", ["a\udcff", "a\0"], ids=["a byte that is not UTF-8", "NUL"])
@pytest.mark.parametrize(
    "command",
    [
        *(
            f"users {name}"
            for name in ("show", "promote", "deactivate", "unlock", "remove-second-factor", "delete --yes")
        ),
        "users create --password long-enough",
        "users create a@test.com --password",
        "users create a@test.com --password long-enough --first-name",
        *("sessions list --user", "sessions revoke --user", "sessions revoke"),
        *("events list --user", "events list --ip"),
    ],
)
def test_text_that_no_database_takes_is_refused_in_one_line(app: Flask, command: str, text: str) -> None:
    """Whichever command it is given to: Python makes a surrogate of a byte that is not UTF-8."""
    told = refused(app, *command.split(), text)
    assert "Holds NUL, or bytes that are not UTF-8." in told
    assert (told.count("\n"), users(app)) == (1, [])


USING = (
    *(f"users {rest}" for rest in ("list", "show a@test.com", "promote a@test.com", "create a@test.com")),
    *("sessions list", "sessions purge", "sessions revoke --all", "events list", "events purge"),
    *("mail list", "mail send", "mail retry", "mail discard", "keys reseal", "demo load"),
)
MAKING = ("prepare", "db upgrade")
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("url", "commands"),
    [
        *((url, USING) for url in (empty_sqlite, damaged_sqlite, empty_postgresql)),
        *((url, USING + MAKING) for url in (closed_postgresql, no_sqlite_file, forbidden_postgresql)),
    ],
)
def test_whatever_the_database_is_instead_of_ours_each_command_says_in_one_line_who_knows_what_to_mend(
    tmp_path: Path, url: Callable[[Path], str], commands: tuple[str, ...]
) -> None:
    app = create_app(
        make_settings(app_env="development", database_url=url(tmp_path), mail_url=f"file://{tmp_path}/mail")
    )
    for command in commands:
        password = ("--password", "a long passphrase") if command.startswith("users create") else ()
        assert refused(app, *command.split(), *password) == UNUSABLE, command
    with app.app_context():
        close_connections()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_mistake_of_ours_is_not_said_to_be_the_databases(app: Flask) -> None:
    """PostgreSQL tells them apart; SQLite's driver does not."""

    @explains_errors
    def command() -> None:
        db.session.execute(text("SELECT FROM WHERE"))

    with app.app_context(), pytest.raises(DatabaseError, match="syntax error"):
        command()


@pytest.mark.parametrize("command", ["db upgrade", "sessions purge"])
def test_what_waits_in_vain_for_a_lock_says_in_one_line_to_come_again(
    make_app: Callable[..., Flask], database_url: str, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(postgresql, "SERVER_OPTIONS", "-c lock_timeout=50")
    app = make_app()
    with app.app_context():
        # There is something to purge.
        one_time_tokens.issue(db.session, Purpose.PASSKEY_SIGN_IN, user_id=None, now=utc_now() - DAY)
        db.session.commit()
    lock = "BEGIN IMMEDIATE" if database_url.startswith("sqlite") else "LOCK alembic_version, auth_sessions"
    with create_engine(database_url, poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql(lock)
        told = refused(app, *command.split())
    assert told.removeprefix("Deleted 0 expired sessions.\n") == LOCKED


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_waits_in_a_circle_says_in_one_line_to_come_again(
    make_app: Callable[..., Flask], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL ends the wait of one of them: of the command, which closes the circle and looks first."""
    monkeypatch.setattr(postgresql, "SERVER_OPTIONS", "-c deadlock_timeout=10ms -c lock_timeout=60000")
    app = make_app()
    with create_engine(database_url, poolclass=NullPool).begin() as connection, ThreadPoolExecutor(1) as beside:
        connection.exec_driver_sql("SET LOCAL deadlock_timeout = '60s'")
        connection.exec_driver_sql("LOCK audit_events IN EXCLUSIVE MODE")

        def let_others_wait_for_it() -> None:
            beside.submit(connection.exec_driver_sql, "LOCK users IN EXCLUSIVE MODE")
            wait_until(partial(_is_somebody_waiting, database_url), "nobody waits for the command")

        do_before(monkeypatch, audit, "record", let_others_wait_for_it)
        told = refused(app, "users", "create", "a@test.com", "--password", "a long passphrase")
    assert told == LOCKED


def _is_somebody_waiting(database_url: str) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with create_engine(database_url, poolclass=NullPool).connect() as connection:
        return bool(connection.exec_driver_sql(waiting).scalar())
