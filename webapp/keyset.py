"""Pages of lists that may be a million rows long: each begins where the last one ended, by value and not by number.

The cost of a page does not grow with how far down it is, and rows that come or go meanwhile shift nothing."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, literal, tuple_
from sqlalchemy.orm import QueryableAttribute

from webapp.database import DbSession, UtcDateTime
from webapp.errors import InvalidQuery
from webapp.text import is_storable

Row = TypeVar("Row")
BATCH: Final = 1000


class Order(NamedTuple):
    """By which column a list is ordered, and by which one among equals (a unique one)."""

    by: QueryableAttribute[Any]
    among_equals: QueryableAttribute[Any]
    descending: bool = True


class Position(NamedTuple):
    """Where a page begins: after a row's cursor, or before one; without either at the top."""

    after: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, and the cursors that lead to its neighbours, where there are any."""

    rows: list[Row]
    before: str | None
    after: str | None


def read_page(
    db: DbSession,
    statement: Select[Any],
    order: Order,
    position: Position,
    *,
    size: int,
    make: Callable[[Any], Row],
) -> Page[Row]:
    """Return the page of a statement's rows, which have `by` and `among_equals` as their first two columns.

    `make` turns a row into what the page holds. Raises InvalidQuery for a cursor that is none of ours."""
    is_back = position.before is not None
    cursor = position.before if is_back else position.after
    if cursor is not None:
        statement = statement.where(_beyond(order, cursor, is_back=is_back))
    descending = order.descending != is_back
    columns = (column.desc() if descending else column.asc() for column in order[:2])
    found = db.execute(statement.order_by(*columns).limit(size + 1)).all()
    has_more, rows = len(found) > size, found[:size]
    if is_back:
        rows = rows[::-1]
    has_before, has_after = (has_more, True) if is_back else (cursor is not None, has_more)
    return Page(
        [make(row) for row in rows],
        _cursor(rows[0]) if rows and has_before else None,
        _cursor(rows[-1]) if rows and has_after else None,
    )


def read_all(read: Callable[[Position, int], Page[Row]]) -> Iterator[Row]:
    """Yield every row of a list, a batch at a time."""
    position = Position()
    while True:
        page = read(position, BATCH)
        yield from page.rows
        if page.after is None:
            return
        position = Position(after=page.after)


def _beyond(order: Order, cursor: str, *, is_back: bool) -> ColumnElement[bool]:
    values = _values(order, cursor)
    place = tuple_(*(literal(value, column.type) for value, column in zip(values, order[:2], strict=True)))
    here = tuple_(*order[:2])
    return here < place if order.descending != is_back else here > place


def _cursor(row: Any) -> str:
    values = [value.isoformat() if isinstance(value, datetime) else value for value in row[:2]]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()


def _values(order: Order, cursor: str) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [_value(column, value) for column, value in zip(order[:2], values, strict=True)]
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise InvalidQuery({"page": ["This is no page of this list."]}) from None


def _value(column: QueryableAttribute[Any], value: object) -> object:
    """Return a cursor's value as the column takes it. Raises ValueError."""
    if isinstance(column.type, UtcDateTime) and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment
    expected = column.type.python_type
    if type(value) is expected and (is_storable(value) if isinstance(value, str) else _is_row_id(value)):
        return value
    raise ValueError(value)


def _is_row_id(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 2**31
