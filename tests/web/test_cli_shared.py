"""What every command does alike: odd arguments are refused in one line, and so is what others have locked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import NullPool, create_engine

from tests.support.command_line import refused
from tests.support.meanwhile import do_before
from tests.support.people import users
from tests.support.waiting import wait_until
from webapp import audit, database, postgresql

LOCKED = "Error: Others kept the database locked for too long. Run it again at a quieter moment.\n"


@pytest.mark.parametrize("text", ["a\udcff", "a\0"], ids=["a byte that is not UTF-8", "NUL"])
@pytest.mark.parametrize(
    "command",
    [
        *(f"users {name}" for name in ("show", "promote", "deactivate", "unlock", "remove-second-factor")),
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


@pytest.mark.parametrize("command", ["db upgrade", "sessions purge"])
def test_what_waits_in_vain_for_a_lock_says_in_one_line_to_come_again(
    make_app: Callable[..., Flask], database_url: str, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(postgresql, "SERVER_OPTIONS", "-c lock_timeout=50")
    app = make_app()
    lock = "BEGIN IMMEDIATE" if database_url.startswith("sqlite") else "LOCK alembic_version, auth_sessions"
    with create_engine(database_url, poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql(lock)
        told = refused(app, *command.split())
    assert told == LOCKED


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
