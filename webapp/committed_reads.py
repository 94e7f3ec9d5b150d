"""The read that every request makes, at a tenth of what it costs as a query of the ORM's session.

A session begins a transaction and ends it, and SQLAlchemy works out anew how a row becomes objects. Here the statement
goes to the driver as text, in autocommit, and the conversions of its columns are worked out once."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Dialect, Select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from webapp.database import READS, db


class CommittedRead:
    """A query for one row of what is committed: what the caller has not committed is not there."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self._statement = statement
        self._prepare = cache(self._prepared_for)

    def first(self, **parameters: str | int) -> list[Any] | None:
        """Return the row's values in the order of the query's columns, or None. Raises one of OUTAGES."""
        engines = db.engines
        engine = engines.get(READS) or engines[None]
        text, names, conversions = self._prepare(engine.dialect)
        given = parameters if names is None else [parameters[name] for name in names]
        dbapi = engine.dialect.loaded_dbapi
        try:
            rows = _fetch(engine, text, given)
        except (dbapi.OperationalError, dbapi.InterfaceError) as error:
            raise OperationalError(text, None, error) from error
        if not rows:
            return None
        pairs = zip(conversions, rows[0], strict=True)
        return [value if convert is None else convert(value) for convert, value in pairs]

    def _prepared_for(self, dialect: Dialect) -> tuple[str, Sequence[str] | None, list[Any]]:
        """Return the SQL, the order of its parameters (None where they have names), and what converts each column."""
        compiled: Any = self._statement.compile(dialect=dialect)
        types = [column.type.dialect_impl(dialect) for column in self._statement.selected_columns]
        return compiled.string, compiled.positiontup, [kind.result_processor(dialect, None) for kind in types]


def _fetch(engine: Engine, text: str, given: Any) -> list[tuple[Any, ...]]:
    """Return all rows; a connection on which the driver failed is not used again.

    It is taken from the pool as the pool keeps it: SQLAlchemy's proxy around it costs more than SQLite's reading."""
    pool: Any = engine.pool
    entry = pool._do_get()
    try:
        rows: list[tuple[Any, ...]] = entry.get_connection().execute(text, given).fetchall()
    except BaseException as error:
        entry.invalidate(error)
        raise
    finally:
        pool._do_return_conn(entry)
    return rows
