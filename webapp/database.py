"""Engine set-up: what SQLite and PostgreSQL need to be told, and the column type for instants."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ColumnElement, DateTime, Dialect, MetaData, Table, delete, event, select, update
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, QueryableAttribute, Session, scoped_session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from webapp import postgresql
from webapp.config import ROOT, Settings
from webapp.fair_pool import FairPool

# SQLite does not queue its writers: with thirty of them the unluckiest waited 4.4 s, and 5 s let some fail.
BUSY_TIMEOUT_SECONDS: Final = 15
PURGE_BATCH: Final = 250
RESTS: Final = 10  # times as long as a batch of them has taken
# Connections of a worker; more threads than that wait for their password's hash, without one. Beside them a few for
# single reads, which hold theirs for a fraction of a millisecond: see committed_reads.py.
POOL_SIZE: Final = 10
READ_POOL_SIZE: Final = 5
READS: Final = "reads"
COMMON: Final = {"hide_parameters": True}  # no values in an error's text: they may be a password's hash
# What the drivers raise when the database cannot be reached, is locked or too slow, or is not one that serves us.
OUTAGES: Final = (OperationalError, InterfaceError, PoolTimeout)


class NoDatabase(sqlite3.OperationalError):
    """The file is there, and is something else than SQLite's."""


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
Value = TypeVar("Value")
DbSession: TypeAlias = Session | scoped_session[Any]  # what every use case takes as `db`


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: takes aware datetimes only and always gives back aware UTC ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise TypeError("a naive datetime is no instant: use clock.utc_now()")
        return value and value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        return _from_text if dialect.name == "sqlite" else _in_utc


def _from_text(value: str | None) -> datetime | None:
    if value is None:
        return None
    # SQLite gives back what it stored without its zone, which is UTC by the rule above.
    found = datetime.fromisoformat(value)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _in_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def database_config(settings: Settings) -> dict[str, Any]:
    """Return Flask-SQLAlchemy's part of the Flask configuration; makes the folder of a SQLite file (0700)."""
    url = make_url(settings.database_url)
    options: dict[str, Any]
    reads: dict[str, Any] = {}
    if url.get_backend_name() == "sqlite":
        path = ROOT / str(url.database)  # an absolute path stays as it is
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = url.set(database=str(path))
        # IMMEDIATE: reads run in autocommit, and the first write of a transaction takes the lock at once and waits
        # for it (busy_timeout); a read that turns into a write would fail without waiting (SQLITE_BUSY_SNAPSHOT).
        options = {"connect_args": {"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": "IMMEDIATE"}}
    else:
        options = {
            "poolclass": FairPool,
            "pool_timeout": postgresql.POOL_TIMEOUT,
            # No overflow: those connections are closed when they come back, two hundred in six seconds of load.
            "pool_size": POOL_SIZE,
            "max_overflow": 0,
            "creator": postgresql.Connector(url).connect,
        }
        alone = {"pool_size": READ_POOL_SIZE, "pool_reset_on_return": None, "isolation_level": "AUTOCOMMIT"}
        reads = {READS: {"url": url, **options, **alone, **COMMON}}
    return {
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": options | COMMON,
        "SQLALCHEMY_BINDS": reads,
    }


@event.listens_for(Engine, "connect")
def _set_sqlite_pragmas(connection: object, _entry: ConnectionPoolEntry) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    cursor = connection.cursor()
    _, _, path = cursor.execute("PRAGMA database_list").fetchone()
    if path and Path(path).stat().st_size == 0:
        Path(path).chmod(0o600)  # new: nobody else's, and SQLite makes the files beside it like it
    # FULL: a sign-out that was answered survives a power cut.
    try:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            cursor.execute(f"PRAGMA {pragma}")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
            raise
        raise NoDatabase(str(error)) from None
    cursor.close()


def table_of(model: type[Base]) -> Table:
    """Return a model's table. A statement about a table costs half of what the same one about the model does; put
    together once, with `bindparam`, half of that."""
    return model.metadata.tables[model.__tablename__]


def lock_rows(db: DbSession, column: QueryableAttribute[Value], *which: ColumnElement[bool]) -> Sequence[Value]:
    """Lock the rows that meet the conditions, which stay so until the caller's commit; return what a column of theirs
    holds, which is part of no key.

    By an UPDATE that changes nothing: SELECT ... FOR UPDATE locks nothing on SQLite."""
    nothing = update(column.class_).where(*which).values({column: column}).returning(column)
    return db.scalars(nothing.execution_options(synchronize_session=False)).all()


def lock_in_order(
    db: DbSession,
    key: QueryableAttribute[Any],
    column: QueryableAttribute[Any],
    *which: ColumnElement[bool] | QueryableAttribute[bool],
) -> None:
    """Lock the rows that meet the conditions as lock_rows does, but one after the other by their key, or two who lock
    some of them at once could wait for each other."""
    in_order = select(key).where(*which).order_by(key).with_for_update(key_share=True)
    lock_rows(db, column, key.in_(in_order))


def delete_in_batches(
    db: DbSession,
    key: QueryableAttribute[Any],
    *which: ColumnElement[bool],
    batch: int = PURGE_BATCH,
    note: Callable[[int], None] | None = None,
) -> int:
    """Delete the rows that meet the conditions, `batch` rows a commit, so that none locks for long. Return how many.

    It rests between them, for whoever is waiting for an answer. `note` is told in each batch's own transaction how many
    are gone with it. Rows that somebody else holds stay for the next time."""
    total = 0
    # On PostgreSQL whoever is in the way is passed by: nobody waits for another in a circle. SQLite locks no rows.
    some = select(key).where(*which).limit(batch).with_for_update(skip_locked=True)
    while True:
        began = time.monotonic()
        found = db.scalars(some).all()
        gone = delete(key.class_).where(key.in_(found), *which).returning(key)
        count = len(db.scalars(gone.execution_options(synchronize_session=False)).all()) if found else 0
        total += count
        if count and note is not None:
            note(total)
        db.commit()
        # By what was found, since of that somebody else may have deleted some.
        if len(found) < batch:
            return total
        time.sleep(RESTS * (time.monotonic() - began))
