"""A fresh, migrated database for each test: a copied SQLite file, or an emptied PostgreSQL database."""

import atexit
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy.pool import QueuePool

from tests.support.live import free_port
from tests.support.services import POSTGRESQL, require_postgresql
from tests.support.settings import make_settings
from webapp import create_app
from webapp.database import db

# The few rows of a test are deleted ten times as fast as TRUNCATE makes new files.
EMPTY = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    PERFORM setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
END $$
"""


def close_connections() -> None:
    """Close what the current application's engines have open."""
    for engine in db.engines.values():
        engine.dispose()


def pool_of(app: Flask) -> QueuePool:
    """Return the pool that says how many connections of an application are in use."""
    with app.app_context():
        pool = db.engine.pool
    assert isinstance(pool, QueuePool)
    return pool


def migrate(url: str, revision: str = "head") -> None:
    """Give a database the newest schema, or an older one."""
    app = create_app(make_settings(database_url=url))
    with app.app_context():
        upgrade(revision=revision)
        close_connections()


@cache
def _sqlite_template() -> Path:
    folder = Path(mkdtemp(prefix="evergreen-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "template.db"
    migrate(f"sqlite:///{path}")
    return path


def _connected() -> psycopg.Connection[Any]:
    return psycopg.connect(f"{POSTGRESQL.replace('+psycopg', '')}/postgres", autocommit=True)


def on_server(statement: str) -> None:
    """Have PostgreSQL itself do something about its databases."""
    with _connected() as connection:
        connection.execute(statement)


@contextmanager
def turn_for_a_crowd(kind: str) -> Iterator[None]:
    """Wait until no other process that tests has a crowd on PostgreSQL, and keep others waiting until the block ends.

    PostgreSQL lets in a hundred, and four workers have pools for sixty: two crowds at once are too many."""
    if kind == "sqlite":
        yield
        return
    require_postgresql()
    with _connected() as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        yield


@cache
def new_postgresql(kind: str) -> str:
    """Return the URL of a database without tables, one for each process that tests at the same time."""
    require_postgresql()
    name = f"evergreen_{kind}_{os.getpid()}"
    on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    on_server(f"CREATE DATABASE {name}")
    # Nothing of it has to survive a power cut; what does is tested on SQLite, and on clusters of their own.
    on_server(f"ALTER DATABASE {name} SET synchronous_commit = off")
    atexit.register(on_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    return f"{POSTGRESQL}/{name}"


@cache
def _postgresql_url() -> str:
    url = new_postgresql("test")
    migrate(url)
    return url


@cache
def _emptying() -> psycopg.Connection[Any]:
    """A connection that is kept: to make one takes ten times as long as what it is for."""
    connection = psycopg.connect(_postgresql_url().replace("+psycopg", ""), autocommit=True)
    atexit.register(connection.close)
    return connection


def fresh_database(kind: str, folder: Path) -> str:
    """Return the URL of an empty database of the newest schema; `kind` is sqlite or postgresql."""
    if kind == "sqlite":
        path = folder / "evergreen.db"
        shutil.copy(_sqlite_template(), path)
        return f"sqlite:///{path}"
    require_postgresql()
    url = _postgresql_url()
    _emptying().execute(EMPTY)
    return url


# --- databases that do not serve --------------------------------------------------------------------------


def closed_postgresql(_: Path) -> str:
    return f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"


def empty_sqlite(folder: Path) -> str:
    return f"sqlite:///{folder}/empty.db"


def no_sqlite(folder: Path) -> str:
    return f"sqlite:///{folder}"


def no_sqlite_file(folder: Path) -> str:
    path = folder / "letter.db"
    path.write_bytes(b"this is a letter, and no database " * 1000)
    return f"sqlite:///{path}"


def damaged_sqlite(folder: Path) -> str:
    """One that says it is SQLite's, and what its tables are; none of them can be read."""
    url = fresh_database("sqlite", folder)
    path = Path(url.removeprefix("sqlite:///"))
    content = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        pages = [page for (page,) in connection.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0")]
    for page in pages:
        content = content[: (page - 1) * size] + b"\xff" * size + content[page * size :]
    path.write_bytes(content)
    return url


def empty_postgresql(_: Path) -> str:
    return new_postgresql("empty")


def older_postgresql(_: Path) -> str:
    """One whose tables have not all the columns yet."""
    url = new_postgresql("older")
    migrate(url, "0001")
    return url


@cache
def _role_without_rights() -> str:
    name = f"evergreen_stranger_{os.getpid()}"
    on_server(f"CREATE ROLE {name}")
    atexit.register(on_server, f"DROP ROLE {name}")
    return name


def forbidden_postgresql(_: Path) -> str:
    """One that lets us in, and has no table for us: neither to read nor to make."""
    url = _postgresql_url()
    return f"{url}?options=-c%20role%3D{_role_without_rights()}"
