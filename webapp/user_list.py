"""The users, as an administrator looks for them: by words, by state, in an order, a page at a time."""

from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, func, or_, select

from webapp import throttle
from webapp.addresses import email_key
from webapp.config import Settings
from webapp.database import DbSession
from webapp.devices import is_active
from webapp.keyset import Order, Page, Position, read_page
from webapp.models import AuthSession, User

STATES: Final[dict[str, ColumnElement[bool]]] = {
    "active": User.is_active.is_(True),
    "deactivated": ~User.is_active,
    "unverified": ~User.email_verified,
    "administrator": User.is_admin.is_(True),
    "two-step": User.totp_enabled_at.is_not(None),
    "locked": User.failed_sign_ins >= throttle.FAILURES_IN_A_ROW,
}
ORDERS: Final = {
    "newest": Order(User.id, User.id),
    "oldest": Order(User.id, User.id, descending=False),
    "address": Order(User.email_key, User.id, descending=False),
}
MOST_COUNTED: Final = 10_000


class Listed(NamedTuple):
    """A user with the number of their active sessions, and when the latest of all that are kept was last seen: None may
    be a month ago."""

    user: User
    sessions: int
    last_seen_at: datetime | None


def find_users(
    db: DbSession, settings: Settings, *, q: str, state: str, sort: str, position: Position, size: int, now: datetime
) -> Page[Listed]:
    """Return a page of the users who meet the filters. Raises InvalidQuery for a foreign cursor."""
    order = ORDERS[sort]
    statement = _filtered(select(order.by, order.among_equals, User), q, state)
    page = read_page(db, statement, order, position, size=size, make=lambda row: row.User)
    seen = _seen(db, settings, [user.id for user in page.rows], now=now)
    return Page([Listed(user, *seen.get(user.id, (0, None))) for user in page.rows], page.before, page.after)


def count_users(db: DbSession, *, q: str, state: str) -> int:
    """Return how many users meet the filters, and MOST_COUNTED + 1 if there are more: nobody waits for a number."""
    some = _filtered(select(User.id), q, state).limit(MOST_COUNTED + 1).subquery()
    return db.scalar(select(func.count()).select_from(some)) or 0


def _filtered(statement: Select[Any], q: str, state: str) -> Select[Any]:
    if state:
        statement = statement.where(STATES[state])
    if words := q.split():
        statement = statement.where(*(_holds(word) for word in words))
    return statement


def _holds(word: str) -> ColumnElement[bool]:
    """Return the condition that a user's address or name holds the word, or that it is their number."""
    # Of letters outside ASCII some databases do not know the other case: SQLite, and PostgreSQL in the C locale.
    spellings = {word} if word.isascii() else {word, word.lower(), word.upper(), word.title()}
    columns = (User.first_name, User.last_name)
    names = [column.icontains(spelling, autoescape=True) for column in columns for spelling in spellings]
    texts = (User.email_key.contains(email_key(word), autoescape=True), *names)
    number = word.removeprefix("#")
    is_number = number.isascii() and number.isdigit() and len(number) < 10  # noqa: PLR2004 - what fits into a row's id
    return or_(*texts, *([User.id == int(number)] if is_number else []))


def _seen(
    db: DbSession, settings: Settings, user_ids: list[int], *, now: datetime
) -> dict[int, tuple[int, datetime | None]]:
    active = func.count(AuthSession.id).filter(is_active(settings, now=now))
    rows = db.execute(
        select(AuthSession.user_id, active, func.max(AuthSession.last_seen_at))
        .where(AuthSession.user_id.in_(user_ids))
        .group_by(AuthSession.user_id)
    )
    return {user_id: (count, last) for user_id, count, last in rows}
