"""Rows into an empty database, as fast as it takes them."""

from contextlib import closing
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from bench import desk_rows
from bench.desk_rows import Sizes, Table
from webapp import postgresql


def seed(engine: Engine, sizes: Sizes, *, now: datetime) -> None:
    """Fill an empty, migrated database, and let it count what it holds, so that it plans as one that is in use."""
    is_sqlite = engine.dialect.name == "sqlite"
    with closing(engine.raw_connection()) as detached:
        connection: Any = detached.driver_connection
        detached.detach()  # what is set on it is for nobody else
        cursor = connection.cursor()
        postgresql.take_time(connection)
        if not is_sqlite:
            cursor.execute("SET timezone = 'UTC'")
        dropped = _drop_indexes(cursor, is_sqlite=is_sqlite)
        for table in desk_rows.tables(sizes, now=now):
            (_load_sqlite if is_sqlite else _load_postgresql)(cursor, table)
        for statement in dropped:
            cursor.execute(statement)
        connection.commit()
        if is_sqlite:
            cursor.execute("ANALYZE")
        else:
            connection.autocommit = True
            cursor.execute("VACUUM ANALYZE")  # as autovacuum does by itself


def _drop_indexes(cursor: Any, *, is_sqlite: bool) -> list[str]:
    """Drop the indexes that no constraint needs, which are made faster after the rows. Return what makes them."""
    if is_sqlite:
        for pragma in ("synchronous = OFF", "cache_size = -400000", "foreign_keys = OFF"):
            cursor.execute(f"PRAGMA {pragma}")
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        query = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE 'ix\\_%'"
    found = cursor.execute(query).fetchall()
    for name, _ in found:
        cursor.execute(f'DROP INDEX "{name}"')
    return [statement for _, statement in found]


def _load_sqlite(cursor: Any, table: Table) -> None:
    places = ", ".join("?" * len(table.columns.split(",")))
    cursor.executemany(f"INSERT INTO {table.name} ({table.columns}) VALUES ({places})", table.rows)  # noqa: S608 - names of ours


def _load_postgresql(cursor: Any, table: Table) -> None:
    with cursor.copy(f"COPY {table.name} ({table.columns}) FROM STDIN") as copy:
        for row in table.rows:
            copy.write_row(row)
