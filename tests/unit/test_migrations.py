"""Migrations (L13): up, down and up again, rows kept, and nothing in the models that no migration knows of.

What others are at meanwhile is in test_migrations_meanwhile.py."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import Connection, MetaData, Table, event, insert, inspect, select

from tests.support.databases import close_connections
from tests.support.migrations import application_without_tables, differences
from tests.support.settings import make_settings
from tests.support.steps import START
from webapp import create_app
from webapp.addresses import email_key
from webapp.config import ROOT
from webapp.database import Base, db


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with application_without_tables(request.param, tmp_path) as app:
        yield app


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


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
            values[column.name] = START if kind is datetime else kind(1)
    names = {column.name for column in table.columns}
    row = {name: value for name, value in values.items() if name in names}
    if table.name == "auth_sessions":
        row["id"] = "x" * 22
    connection.execute(insert(table).values(row))


def rows(connection: Connection, table: Table) -> list[dict[str, object]]:
    return [dict(row) for row in connection.execute(select(table)).mappings()]


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return ScriptDirectory.from_config(config)


def revisions() -> list[str]:
    return [revision.revision for revision in reversed(list(scripts().walk_revisions()))]


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
        connection.execute(insert(users).values(row | {"created_at": START}))

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
    assert len(scripts().get_heads()) == len(scripts().get_bases()) == 1
