"""A fresh, migrated database for each test: a copied SQLite file, or an emptied PostgreSQL database."""

import atexit
import os
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import psycopg
from flask_migrate import upgrade

from tests.support.services import POSTGRESQL, require_postgresql
from tests.support.settings import make_settings
from webapp import create_app
from webapp.database import db

TABLES = (
    "users, auth_sessions, session_refreshes, audit_events, products, recovery_codes, passkeys, one_time_tokens, "
    "outbox_mails"
)


def _migrate(url: str) -> None:
    app = create_app(make_settings(database_url=url))
    with app.app_context():
        upgrade()
        db.engine.dispose()


@cache
def _sqlite_template() -> Path:
    path = Path(mkdtemp(prefix="evergreen-")) / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


def _on_server(statement: str) -> None:
    with psycopg.connect(f"{POSTGRESQL.replace('+psycopg', '')}/postgres", autocommit=True) as connection:
        connection.execute(statement)


@cache
def _postgresql_url() -> str:
    name = f"evergreen_test_{os.getpid()}"  # a database of its own for each process that tests at the same time
    _on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    _on_server(f"CREATE DATABASE {name}")
    atexit.register(_on_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    url = f"{POSTGRESQL}/{name}"
    _migrate(url)
    return url


def fresh_database(kind: str, folder: Path) -> str:
    """Return the URL of an empty database of the newest schema; `kind` is sqlite or postgresql."""
    if kind == "sqlite":
        path = folder / "evergreen.db"
        shutil.copy(_sqlite_template(), path)
        return f"sqlite:///{path}"
    require_postgresql()
    url = _postgresql_url()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"TRUNCATE {TABLES} RESTART IDENTITY")
    return url
