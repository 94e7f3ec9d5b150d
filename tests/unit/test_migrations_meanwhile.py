"""Migrations beside others at work (L13): servers of the release before, and hosts that migrate at the same time."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Connection, event, text

from tests.support.command_line import flask
from tests.support.databases import close_connections, on_server
from tests.support.migrations import application_without_tables, differences
from tests.support.settings import SECRET_KEY
from tests.support.steps import START
from tests.support.waiting import wait_until
from webapp import create_app
from webapp.database import db
from webapp.models import SessionRefresh


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """On PostgreSQL, which is what several hosts share."""
    with application_without_tables("postgresql", tmp_path) as app:
        yield app


def test_a_server_of_the_release_before_goes_on_writing_after_ids_have_64_bits(app: Flask) -> None:
    """L13: what its connections have prepared returns 32 bits."""

    def write() -> None:
        db.session.add(SessionRefresh(session_id="x" * 22, at=START, method="silent", generation=1))
        db.session.commit()

    def is_alone() -> bool:
        clients = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state IS NOT NULL"
        with db.engine.connect() as connection:
            return connection.scalar(text(clients)) == 1

    upgrade(revision="0007")
    for _ in range(10):
        write()
    with create_app(app.extensions["settings"]).app_context():  # the command's own process
        upgrade()
        wait_until(is_alone, "PostgreSQL has not ended the connections from before")
        close_connections()
    write()
    ids = "SELECT table_name FROM information_schema.columns WHERE column_name = 'id' AND data_type = 'bigint'"
    assert set(db.session.scalars(text(ids))) == {
        "session_refreshes", "audit_events", "one_time_tokens", "outbox_mails",
    }  # fmt: skip


def before_first(words: tuple[str, ...], deed: Callable[[Connection], object]) -> None:
    """Have something done before the first statement that begins with some of these words."""

    is_done = False

    @event.listens_for(db.engine, "before_cursor_execute")
    def look(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        nonlocal is_done
        if not is_done and statement.lstrip().startswith(words):
            is_done = True
            deed(connection)


@pytest.mark.parametrize("start", ["base", "0007"])
def test_of_two_who_migrate_at_once_the_second_waits_and_finds_nothing_to_do(app: Flask, start: str) -> None:
    """L13: two hosts that are started anew; migration 0008 ends the connections of all others."""
    database_url = app.extensions["settings"].database_url
    of_second = {"APP_ENV": "development", "SECRET_KEY": SECRET_KEY, "DATABASE_URL": database_url}

    def locks() -> list[bool]:
        """Of each who has the lock or waits for it, whether they have it."""
        of_migrating = (
            "SELECT granted FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
            "WHERE datname = current_database() AND locktype = 'advisory' AND objid = 8 ORDER BY granted"
        )
        with db.engine.connect() as connection:
            return list(connection.scalars(text(of_migrating)))

    upgrade(revision=start)
    with ThreadPoolExecutor(1) as beside:
        second, after_0008 = [], []

        def start_second(_: Connection) -> None:
            second.append(beside.submit(flask, "db", "upgrade", **of_second))
            wait_until(lambda: locks() == [False, True], "the second one does not wait for the first")

        before_first(("CREATE TABLE", "LOCK TABLE"), start_second)
        before_first(("UPDATE alembic_version SET version_num='0009'",), lambda _: after_0008.extend(locks()))
        upgrade()
        (outcome,) = second
        assert after_0008 == [False, True]
        assert outcome.result().returncode == 0, outcome.result().stderr
    assert "Running upgrade" not in outcome.result().stderr
    assert differences() == []


@pytest.mark.usefixtures("app")
def test_who_is_put_out_by_another_migration_before_it_waits_for_that_waits_all_the_same() -> None:
    def put_out(connection: Connection) -> None:
        on_server(f"SELECT pg_terminate_backend({connection.connection.dbapi_connection.info.backend_pid}, 5000)")

    before_first(("SELECT pg_advisory_lock",), put_out)
    upgrade()
    assert differences() == []
