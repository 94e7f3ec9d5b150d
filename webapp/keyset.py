"""Pages of lists that may be a million rows long: each begins where the last one ended, by value and not by number.

The cost of a page does not grow with how far down it is, and rows that come or go meanwhile shift nothing."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, NamedTuple, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Select, Subquery, case, func, literal, select, tuple_
from sqlalchemy.orm import QueryableAttribute

from webapp.database import DbSession, UtcDateTime
from webapp.errors import InvalidQuery
from webapp.text import is_storable

Row = TypeVar("Row")
BATCH: Final = 1000
# Of the longest that a list is ordered by, a folded address of 508 characters, four bytes each at the most, in base64.
MAX_CURSOR_LENGTH: Final = 3000
STRETCH: Final = 10_000  # rows that a page looks through, where no index says which ones it holds


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
    """Some rows of a list, and the cursors that lead to its neighbours, where there are any.

    `sieved_to` is the instant at which the search for rows stopped, though the list goes on; None: it did not."""

    rows: list[Row]
    before: str | None
    after: str | None
    sieved_to: datetime | None = None


def read_page(
    db: DbSession,
    statement: Select[Any],
    order: Order,
    position: Position,
    *,
    size: int,
    make: Callable[[Any], Row],
    sieve: ColumnElement[bool] | None = None,
) -> Page[Row]:
    """Return the page of a statement's rows, which have `by` and `among_equals` as their first two columns.

    `make` turns a row into what the page holds. `sieve` is a condition that no index answers, for lists ordered by an
    instant: it is tried on the next STRETCH rows at most, so that a page costs the same however little is found. The
    statement's own conditions are about the table of `order`. Raises InvalidQuery for a cursor that is none of ours."""
    is_back = position.before is not None
    cursor = position.before if is_back else position.after
    if cursor is not None:
        statement = statement.where(_beyond(order, cursor, is_back=is_back))
    descending = order.descending != is_back
    columns = [column.desc() if descending else column.asc() for column in order[:2]]
    stretch = None
    if sieve is not None:
        stretch = _stretch(statement, order, columns, descending=descending)
        end = select(stretch.c.end).scalar_subquery()
        statement = statement.where(order.by >= end if descending else order.by <= end, row_by_row(sieve))
    found = db.execute(statement.order_by(*columns).limit(size + 1)).all()
    before, after = _neighbours(found, size, has_cursor=cursor is not None, is_back=is_back)
    rows = [make(row) for row in (found[size - 1 :: -1] if is_back else found[:size])]
    page = Page(rows, before, after)
    if stretch is None or len(found) > size:
        return _or_back(page, position)
    return _go_on(db, page, stretch, position, order)


def _neighbours(found: Sequence[Any], size: int, *, has_cursor: bool, is_back: bool) -> tuple[str | None, str | None]:
    """Return the cursors before and after the page whose rows were found, and perhaps one more, from its cursor on."""
    if not found:
        return None, None
    near, far = cursor_of(found[0]), cursor_of(found[:size][-1])
    onwards = far if len(found) > size else None
    return (onwards, near) if is_back else (near if has_cursor else None, onwards)


def read_all(db: DbSession, read: Callable[[Position, int], Page[Row]]) -> Iterator[Row]:
    """Yield every row of a list, a batch at a time, and hold no connection while somebody takes them.

    A row that moves up or down its list meanwhile is missed or comes twice."""
    position = Position()
    while True:
        page = read(position, BATCH)
        db.expunge_all()  # what was read stays as it is, without the transaction
        db.rollback()
        yield from page.rows
        if page.after is None:
            return
        position = Position(after=page.after)


def _stretch(
    statement: Select[Any], order: Order, columns: Sequence[ColumnElement[Any]], *, descending: bool
) -> Subquery:
    """Return the question how many rows the sieve is tried on, and the instant of the last: an index answers alone."""
    where = () if statement.whereclause is None else (statement.whereclause,)
    rows = select(order.by.label("by")).where(*where).order_by(*columns).limit(STRETCH).subquery()
    end = func.min(rows.c.by) if descending else func.max(rows.c.by)
    return select(end.label("end"), func.count().label("count")).select_from(rows).subquery()


def row_by_row(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition so that it is tried on rows that something else leads to, and leads to none itself.

    A planner that sees into it would read all that is active, only to sort it, or walk along all that has ended."""
    # Compared so, PostgreSQL takes it to hold for a third of the rows; with "= 1" for next to none.
    return case((condition, 1), else_=0) > 0


def _go_on(db: DbSession, page: Page[Row], stretch: Subquery, position: Position, order: Order) -> Page[Row]:
    """Return a page that the sieve has not filled with the way on, if the list goes on, or with the way back."""
    end, count = db.execute(select(stretch.c.end, stretch.c.count)).one()
    if count < STRETCH:
        return _or_back(page, position)
    # All rows of that instant have been looked at, and no second column is smaller than the empty text or zero.
    least = order.among_equals.type.python_type()
    here, above = cursor_of((end, least)), cursor_of((end + timedelta(microseconds=1), least))
    if position.before is not None:
        return Page(page.rows, above, page.after or here, end)
    return Page(page.rows, page.before or (position.after and here), here, end)


def _or_back(page: Page[Row], position: Position) -> Page[Row]:
    """Return the page, or, where nothing is left, one from which what led there leads back."""
    return page if page.rows else Page([], position.after, position.before)


def _beyond(order: Order, cursor: str, *, is_back: bool) -> ColumnElement[bool]:
    values = _values(order, cursor)
    place = tuple_(*(literal(value, column.type) for value, column in zip(values, order[:2], strict=True)))
    here = tuple_(*order[:2])
    return here < place if order.descending != is_back else here > place


def cursor_of(row: Sequence[Any]) -> str:
    """Return the cursor of a row, or of any other place in a list, given as the first two columns have it."""
    values = [value.isoformat() if isinstance(value, datetime) else value for value in row[:2]]
    return base64.urlsafe_b64encode(json.dumps(values, ensure_ascii=False).encode()).rstrip(b"=").decode()


def _values(order: Order, cursor: str) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [_value(column, value) for column, value in zip(order[:2], values, strict=True)]
    except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError):
        raise InvalidQuery({"page": ["This is no page of this list."]}) from None


def _value(column: QueryableAttribute[Any], value: object) -> object:
    """Return a cursor's value as the column takes it. Raises ValueError or OverflowError."""
    if isinstance(column.type, UtcDateTime) and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    bits = 63 if isinstance(column.type, BigInteger) else 31
    fits = is_storable(value) if isinstance(value, str) else isinstance(value, int) and 0 <= value < 2**bits
    if type(value) is column.type.python_type and fits:
        return value
    raise ValueError(value)
