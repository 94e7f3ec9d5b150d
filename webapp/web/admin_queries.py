"""The filters of the dashboard's lists, as their addresses carry them: whoever has the address has the view."""

from datetime import date, datetime
from ipaddress import IPv6Address
from typing import Annotated, Any, Literal, Self, TypeVar

from flask import g, request, url_for
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from webapp.accounts import find_user
from webapp.audit import Kind
from webapp.database import DbSession
from webapp.errors import InvalidQuery
from webapp.keyset import MAX_CURSOR_LENGTH, Position
from webapp.models import ADDRESS_LENGTH, EMAIL_LENGTH, USER_AGENT_LENGTH
from webapp.web.bodies import read_query

NOBODY = 0  # no row has this id
_LONGEST_ID = 9  # digits that fit into a row's id

Cursor = Annotated[str, StringConstraints(max_length=MAX_CURSOR_LENGTH)]
Query = TypeVar("Query", bound="ListQuery")
UserText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=EMAIL_LENGTH)]


def _day(text: str) -> date:
    """Return the day as browsers with a field for days write it; others let people write what they are used to."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise ValueError("Write it as 2026-11-30.") from None


Day = Annotated[date, BeforeValidator(_day)]


def _as_kept(text: str) -> str:
    """Return an IPv6 address as rows have it, however somebody writes it; anything else as it is."""
    try:
        address = IPv6Address(text)
    except ValueError:
        return text
    return text if address.ipv4_mapped else str(address)


Address = Annotated[str, StringConstraints(strip_whitespace=True, max_length=ADDRESS_LENGTH), AfterValidator(_as_kept)]


class ListQuery(BaseModel):
    """What every list takes: the cursor after or before which its page begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Cursor | None = None
    before: Cursor | None = None

    @property
    def position(self) -> Position:
        return Position(self.after, self.before)

    def whole(self) -> Self:
        """Return the query if it is for a whole list. Raises InvalidQuery for a page's cursor."""
        if self.after is not None or self.before is not None:
            raise InvalidQuery({"page": ["A download has all pages."]})
        return self

    @property
    def view(self) -> dict[str, Any]:
        """What leads back to this very page of the list, for addresses."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def filters(self) -> dict[str, Any]:
        """What differs from the list as it is without filters, for addresses; the cursors are left out."""
        return self.model_dump(mode="json", exclude_defaults=True, exclude={"after", "before"})


class UsersQuery(ListQuery):
    q: UserText = ""
    state: Literal["", "active", "deactivated", "unverified", "administrator", "two-step", "locked"] = ""
    sort: Literal["newest", "oldest", "address"] = "newest"


class SessionsQuery(ListQuery):
    state: Literal["active", "ended", "all"] = "active"
    user: UserText = ""
    ip: Address = ""
    device: Annotated[str, StringConstraints(strip_whitespace=True, max_length=USER_AGENT_LENGTH)] = ""


class EventsQuery(ListQuery):
    kind: Kind | Literal[""] = ""
    user: UserText = ""
    actor: UserText = ""
    ip: Address = ""
    session: Annotated[str, StringConstraints(max_length=22)] = ""
    since: Day | None = None
    until: Annotated[Day, Field(lt=date.max)] | None = None  # the list looks for its next day

    @property
    def is_backwards(self) -> bool:
        """Whether it asks for days that end before they begin: there are none."""
        return self.since is not None and self.until is not None and self.since > self.until


def read_filters(model: type[Query], *, page: str, label: str) -> Query:
    """Return the request's query for the list at `page`. Whatever is refused from here on leads to the whole list, by a
    link with that label; a query that makes no sense leads to what of it does. Raises InvalidQuery."""
    g.next_step = (url_for(page), label)
    try:
        return read_query(model, of_form=True)
    except InvalidQuery as error:
        filters = model.model_fields.keys() - ListQuery.model_fields.keys() - error.errors.keys()
        kept: dict[str, Any] = {name: value for name, value in request.args.items() if value and name in filters}
        if kept:
            g.next_step = (url_for(page, **kept), "Look with the other filters")
        raise


def to_note(db: DbSession, query: ListQuery) -> dict[str, Any]:
    """Return the filters as the audit log keeps them, which outlives accounts: whom they name by number, and of words,
    which may be an address, that there were some."""
    given = query.filters
    users = {name: user_id_of(db, given[name]) for name in ("user", "actor") if name in given}
    words = {name: True for name in ("q", "device") if name in given}
    return given | users | words


def user_id_of(db: DbSession, text: str) -> int | None:
    """Return whom an address or a number ("7", "#7") names: None for no text, NOBODY for one who is not there."""
    number = text.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) <= _LONGEST_ID:
        return int(number)
    user = find_user(db, text) if text else None
    return user.id if user else NOBODY if text else None
