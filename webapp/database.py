"""Engine set-up: what SQLite and PostgreSQL need to be told, and the column type for instants."""

import sqlite3
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ColumnElement, DateTime, Dialect, MetaData, delete, event, select
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, QueryableAttribute, Session, scoped_session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from webapp.config import ROOT, Settings

# SQLite does not queue its writers: with thirty of them the unluckiest waited 4.4 s, and 5 s let some fail.
BUSY_TIMEOUT_SECONDS: Final = 15
PURGE_BATCH: Final = 1000
POSTGRESQL_OPTIONS: Final = "-c statement_timeout=5000 -c lock_timeout=4000"
# What the drivers raise when the database cannot be reached, is locked, or is too slow.
OUTAGES: Final = (OperationalError, InterfaceError, PoolTimeout)


class Base(DeclarativeBase):
    """Base of every model; constraint names are fixed, so that migrations can name what they drop."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)
DbSession: TypeAlias = Session | scoped_session[Any]  # what every use case takes as `db`


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: takes aware datetimes only and always gives back aware UTC ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise TypeError("a naive datetime is no instant: use clock.utc_now()")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        # SQLite gives back what it stored without its zone, which is UTC by the rule above.
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


def database_config(settings: Settings) -> dict[str, Any]:
    """Return Flask-SQLAlchemy's part of the Flask configuration; makes the folder of a SQLite file (0700)."""
    url = make_url(settings.database_url)
    options: dict[str, Any]
    if url.get_backend_name() == "sqlite":
        path = ROOT / str(url.database)  # an absolute path stays as it is
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = url.set(database=str(path))
        # IMMEDIATE: reads run in autocommit, and the first write of a transaction takes the lock at once and waits
        # for it (busy_timeout); a read that turns into a write would fail without waiting (SQLITE_BUSY_SNAPSHOT).
        options = {"connect_args": {"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": "IMMEDIATE"}}
    else:
        options = {
            "pool_pre_ping": True,
            "pool_timeout": 5,
            "connect_args": {"connect_timeout": 3, "options": POSTGRESQL_OPTIONS},
        }
    # No values in an error's text: they may be a password's hash.
    return {"SQLALCHEMY_DATABASE_URI": url, "SQLALCHEMY_ENGINE_OPTIONS": {"hide_parameters": True, **options}}


@event.listens_for(Engine, "connect")
def _set_sqlite_pragmas(connection: object, _entry: ConnectionPoolEntry) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    cursor = connection.cursor()
    # FULL: a sign-out that was answered survives a power cut.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def delete_in_batches(
    db: DbSession, key: QueryableAttribute[Any], *which: ColumnElement[bool], batch: int = PURGE_BATCH
) -> int:
    """Delete the rows that meet the conditions, `batch` rows a commit, so that none locks for long. Return how many."""
    total = 0
    while True:
        some = select(key).where(*which).limit(batch)
        deleted = db.scalars(
            delete(key.class_).where(key.in_(some)).returning(key).execution_options(synchronize_session=False)
        ).all()
        db.commit()
        total += len(deleted)
        if len(deleted) < batch:
            return total
