"""What a page asks the database, and how the database finds it: statements as they were sent, and their plans."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, event

from webapp.database import Base

_STEP: Final = 10  # instructions of SQLite between two counts
# Nodes of PostgreSQL's plans that hand on each row at once. An incremental sort does so but for equals.
_STREAMING: Final = ("Nested Loop", "Memoize", "Incremental Sort", "Subquery Scan", "Result", "Gather Merge")


class Statement(NamedTuple):
    """A SELECT with its values, as the driver was given them."""

    sql: str
    parameters: Any


@dataclass(frozen=True, slots=True)
class Access:
    """How a table is read: by which index if any, whether a condition leads into it, and whether a LIMIT ends it."""

    table: str
    index: str | None
    has_condition: bool
    is_limited: bool

    def __str__(self) -> str:
        how = self.index or "the whole table"
        return f"{self.table}: {how}" + ("" if self.has_condition else ", walked" if self.is_limited else ", ALL")


@dataclass(frozen=True, slots=True)
class Plan:
    """How a statement is answered: what it reads, and how many rows it sorts to find the first of them.

    SQLite cannot say how many; then it is None for some and 0 for none."""

    accesses: list[Access]
    sorted_rows: int | None

    def __str__(self) -> str:
        sort = "sort" if self.sorted_rows is None else f"sort {self.sorted_rows:,} rows"
        accesses = [str(access) for access in self.accesses if access.table in Base.metadata.tables]
        return "; ".join([*dict.fromkeys(accesses), *([sort] if self.sorted_rows != 0 else [])])


@contextmanager
def watch(engine: Engine) -> Iterator[list[Statement]]:
    """Yield a list to which every SELECT is added that the engine runs within the block."""
    seen: list[Statement] = []

    def note(_connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _many: bool) -> None:
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            seen.append(Statement(sql, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def explain(connection: Connection, statement: Statement) -> Plan:
    """Return the plan of a statement with the values it was sent with."""
    if connection.dialect.name == "sqlite":
        rows = _run(connection, Statement(f"EXPLAIN QUERY PLAN {statement.sql}", statement.parameters))
        return _plan_of_sqlite(statement.sql, [str(row[3]) for row in rows])
    ((document,),) = _run(connection, Statement(f"EXPLAIN (FORMAT JSON) {statement.sql}", statement.parameters))
    return _plan_of_postgresql(document[0]["Plan"])


def seconds_of(connection: Connection, statement: Statement, *, times: int = 3) -> float:
    """Return the least time that the statement takes, with all its rows fetched."""
    taken = []
    for _ in range(times):
        started = perf_counter()
        _run(connection, statement)
        taken.append(perf_counter() - started)
    return min(taken)


def work_of(connection: Connection, statement: Statement) -> int:
    """Return how much the database does for a statement: instructions of SQLite, or rows that PostgreSQL reads."""
    if connection.dialect.name == "sqlite":
        return _instructions(connection, statement)
    analyse = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement.sql}"
    ((document,),) = _run(connection, Statement(analyse, statement.parameters))
    return sum(_rows_read(node) for node in _nodes(document[0]["Plan"]) if "Relation Name" in node)


def _run(connection: Connection, statement: Statement) -> list[Any]:
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute(statement.sql, statement.parameters)
        return list(cursor.fetchall())
    finally:
        cursor.close()


# --- SQLite ----------------------------------------------------------------------------------------------


def _plan_of_sqlite(sql: str, details: list[str]) -> Plan:
    is_sorted = "USE TEMP B-TREE FOR ORDER BY" in details
    is_limited = "LIMIT" in sql and not is_sorted
    names = {alias: table for table, alias in re.findall(r"(\w+) AS (\w+)", sql)}
    accesses = []
    for detail in details:
        verb, _, rest = detail.partition(" ")
        alias, _, how = rest.partition(" USING ")
        if verb in ("SCAN", "SEARCH"):
            name = how.partition("INDEX ")[2].partition(" (")[0] or ("primary key" if "PRIMARY KEY" in how else None)
            table = names.get(alias, alias)
            accesses.append(Access(table, name, verb == "SEARCH", is_limited))
    return Plan(accesses, None if is_sorted else 0)


def _instructions(connection: Connection, statement: Statement) -> int:
    driver: Any = connection.connection.driver_connection
    count = 0

    def step() -> int:
        nonlocal count
        count += _STEP
        return 0

    driver.set_progress_handler(step, _STEP)
    try:
        _run(connection, statement)
    finally:
        driver.set_progress_handler(None, 0)
    return count


# --- PostgreSQL ------------------------------------------------------------------------------------------


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


def _plan_of_postgresql(top: dict[str, Any]) -> Plan:
    accesses, sorted_rows = [], 0
    for node, is_limited in _limited(top, is_limited=False):
        kind, index = node["Node Type"], node.get("Index Name")
        if index or kind == "Seq Scan":
            # A node that collects rows for a bitmap names no table; every index of ours begins with its table's name.
            table = node.get("Relation Name") or _table_of(str(index))
            accesses.append(Access(table, index, "Index Cond" in node, is_limited))
        elif kind == "Sort" and is_limited:
            sorted_rows = max(sorted_rows, int(node["Plans"][0]["Plan Rows"]))
    return Plan(accesses, sorted_rows)


def _limited(node: dict[str, Any], *, is_limited: bool) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield each node, and whether it is stopped when a LIMIT has its rows: those that need all rows first are not."""
    yield node, is_limited
    is_limited = node["Node Type"] == "Limit" or (is_limited and node["Node Type"] in _STREAMING)
    for child in node.get("Plans", []):
        yield from _limited(child, is_limited=is_limited)


def _table_of(index: str) -> str:
    name = index.partition("_")[2]
    return max((table for table in Base.metadata.tables if name.startswith(table)), key=len, default=index)


def _rows_read(node: dict[str, Any]) -> int:
    names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    return int(sum(node.get(name, 0) for name in names) * node["Actual Loops"])
