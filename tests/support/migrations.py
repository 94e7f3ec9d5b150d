"""An application over a database without tables, to be migrated, and how what is there then differs from the models."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import Connection, text

from tests.support.databases import close_connections, on_server
from tests.support.services import POSTGRESQL, require_postgresql
from tests.support.settings import make_settings
from webapp import create_app
from webapp.database import Base, db


@contextmanager
def application_without_tables(kind: str, folder: Path) -> Iterator[Flask]:
    """The application over an empty database without any table, inside its context; `kind` is sqlite or postgresql."""
    if kind == "sqlite":
        url = f"sqlite:///{folder}/empty.db"
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


def differences() -> list[object]:
    """Return what the current application's database has other than its models say, or the other way round."""
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
