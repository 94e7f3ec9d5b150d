"""Migrations (L13): up, down and up again, rows kept, and nothing in the models that no migration knows of."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import Connection, MetaData, Table, event, insert, inspect, select, text

from tests.support.command_line import flask
from tests.support.databases import close_connections, on_server
from tests.support.services import POSTGRESQL, require_postgresql
from tests.support.settings import SECRET_KEY, make_settings
from tests.support.waiting import wait_until
from webapp import create_app
from webapp.addresses import email_key
from webapp.config import ROOT
from webapp.database import Base, db
from webapp.models import SessionRefresh

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """The application over an empty database without any table, inside its context."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/empty.db"
    else:
        # One of its own: the other tests rely on the tables of theirs.
        require_postgresql()
        name = f"evergreen_migrations_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
        on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        on_server(f"CREATE DATABASE {name}")
        url = f"{POSTGRESQL}/{name}"
    app = create_app(make_settings(database_url=url))
    with app.app_context():
        yield app
        db.session.remove()
        close_connections()


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def differences() -> list[object]:
    with db.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        found = compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)
        return [*found, *(_giving_ids_again(connection) if connection.dialect.name == "sqlite" else [])]


def _giving_ids_again(connection: Connection) -> list[str]:
    """The tables that give ids again, or do not, other than their models say: Alembic does not look."""
    found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    written = {name: "AUTOINCREMENT" in sql for name, sql in found}
    said = {
        name: bool(table.dialect_options["sqlite"]["autoincrement"]) for name, table in Base.metadata.tables.items()
    }
    return [name for name in said if said[name] != written[name]]


@pytest.mark.usefixtures("app")
def test_migrations_go_up_and_down_and_up_again() -> None:
    """L13."""
    for _ in range(2):
        upgrade()
        assert tables() == set(Base.metadata.tables)
        assert differences() == []
        downgrade(revision="base")
        assert tables() == set()


@pytest.mark.usefixtures("app")
def test_going_up_twice_changes_nothing() -> None:
    """L13."""
    upgrade()
    upgrade()
    assert differences() == []


def fill(connection: Connection, table: Table) -> None:
    """Insert one row with something in every column."""
    values = {"id": 1, "user_id": 1, "remember": True, "detail": {"reason": "x"}, "transports": ["usb"]}
    for column in table.columns:
        if column.name not in values:
            kind = column.type.python_type
            values[column.name] = NOON if kind is datetime else kind(1)
    names = {column.name for column in table.columns}
    row = {name: value for name, value in values.items() if name in names}
    if table.name == "auth_sessions":
        row["id"] = "x" * 22
    connection.execute(insert(table).values(row))


def rows(connection: Connection, table: Table) -> list[dict[str, object]]:
    return [dict(row) for row in connection.execute(select(table)).mappings()]


def revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    script = ScriptDirectory.from_config(config)
    return [revision.revision for revision in reversed(list(script.walk_revisions()))]


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("start", revisions())
def test_rows_of_every_older_schema_are_kept_on_the_way_up(start: str) -> None:
    """L13: each column that is still there holds what it held."""
    upgrade(revision=start)
    old = MetaData()
    with db.engine.begin() as connection:
        old.reflect(connection)
        kept = [table for table in old.sorted_tables if table.name != "alembic_version"]
        for table in kept:
            fill(connection, table)
        before = {table.name: rows(connection, table) for table in kept}
    upgrade()
    new = MetaData()
    with db.engine.connect() as connection:
        new.reflect(connection)
        for name, (row,) in before.items():
            (after,) = rows(connection, new.tables[name])
            assert {column: after[column] for column in row if column in after} == row
    assert differences() == []


@pytest.mark.parametrize("app", ["postgresql"], indirect=True)
def test_a_server_of_the_release_before_goes_on_writing_after_ids_have_64_bits(app: Flask) -> None:
    """L13: what its connections have prepared returns 32 bits."""

    def write() -> None:
        db.session.add(SessionRefresh(session_id="x" * 22, at=NOON, method="silent", generation=1))
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


@pytest.mark.parametrize("app", ["postgresql"], indirect=True)
@pytest.mark.parametrize("start", ["base", "0007"])
def test_of_two_who_migrate_at_once_the_second_waits_and_finds_nothing_to_do(app: Flask, start: str) -> None:
    """L13: two hosts that are started anew; migration 0008 ends the connections of all others."""
    database_url = app.extensions["settings"].database_url
    of_second = {"APP_ENV": "development", "SECRET_KEY": SECRET_KEY, "DATABASE_URL": database_url}

    def locks() -> list[bool]:
        """Of each who has the lock or waits for it, whether they have it."""
        of_migrating = "SELECT granted FROM pg_locks WHERE locktype = 'advisory' AND objid = 8 ORDER BY granted"
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


@pytest.mark.parametrize("app", ["postgresql"], indirect=True)
@pytest.mark.usefixtures("app")
def test_who_is_put_out_by_another_migration_before_it_waits_for_that_waits_all_the_same() -> None:
    def put_out(connection: Connection) -> None:
        on_server(f"SELECT pg_terminate_backend({connection.connection.dbapi_connection.info.backend_pid}, 5000)")

    before_first(("SELECT pg_advisory_lock",), put_out)
    upgrade()
    assert differences() == []


@pytest.mark.usefixtures("app")
def test_an_address_with_an_account_has_its_own_key_after_the_upgrade_and_the_old_one_where_it_is_free() -> None:
    """I06: who signed up as straße.de is found there, and strasse.de is free; for the older release they are one."""
    folded = {
        "STRA\u00dfE@Test.com": "strasse@test.com",
        "\u017fmith@test.com": "smith@test.com",
        "a@stra\u00dfe.de": "a@strasse.de",
        "Zoe@b\u00fccher.de": "zoe@b\u00fccher.de",
        "Joe@test.com": "joe@test.com",
    }
    users = Base.metadata.tables["users"]

    def add(connection: Connection, address: str, key: str) -> None:
        row = {column.name: column.type.python_type() for column in users.columns if column.type.python_type is bool}
        row |= {"email": address, "email_key": key, "password_hash": "x", "first_name": "", "last_name": ""}
        connection.execute(insert(users).values(row | {"created_at": NOON}))

    def keys() -> list[str]:
        with db.engine.connect() as connection:
            return list(connection.scalars(select(users.c.email_key).order_by(users.c.id)))

    upgrade(revision="0008")
    with db.engine.begin() as connection:
        for address, key in folded.items():
            add(connection, address, key)
    upgrade()
    assert keys() == [email_key(address) for address in folded]
    with db.engine.begin() as connection:
        add(connection, "smith@test.com", "smith@test.com")
    downgrade(revision="0008")
    kept = {**folded, "\u017fmith@test.com": "\u017fmith@test.com"}
    assert keys() == [*kept.values(), "smith@test.com"]


def schema(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


def test_an_upgrade_that_breaks_off_leaves_no_trace_and_can_be_tried_again(tmp_path: Path) -> None:
    """L13: on SQLite too, whose tables are copied to change them; each migration for itself."""
    path = tmp_path / "evergreen.db"
    broken_off = 0
    with create_app(make_settings(database_url=f"sqlite:///{path}")).app_context():
        upgrade(revision="0006")
        before = schema(path)

        @event.listens_for(db.engine, "before_cursor_execute")
        def break_off(connection: Connection, cursor: object, statement: str, *_: object) -> None:
            nonlocal statements
            statements -= statement.lstrip().startswith(("CREATE", "INSERT", "DROP", "ALTER", "UPDATE"))
            if statements < 0:
                raise RuntimeError("the power has failed")

        while True:
            statements = broken_off
            try:
                upgrade(revision="0007")
            except SystemExit:
                assert schema(path) == before
                broken_off += 1
            else:
                break
        close_connections()
    assert broken_off > 1
    assert schema(path) != before


def test_there_is_one_line_of_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    script = ScriptDirectory.from_config(config)
    assert len(script.get_heads()) == len(script.get_bases()) == 1
