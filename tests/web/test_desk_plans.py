"""How the administrators' desk finds its rows: by indexes, in their order, at a cost that does not grow with them.

Every SELECT of every page is explained, and what the database does for it counted, over few rows and over four times
as many. How long the pages take with a million is measured by bench/desk.py."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from bench import desk_pages, loading, plans
from bench.desk_rows import Sizes
from tests.support import people, steps
from tests.support.databases import close_connections, fresh_database
from tests.support.settings import make_settings
from webapp import create_app, keyset, user_list
from webapp.clock import utc_now
from webapp.database import db

ADMIN: Final = "admin@test.com"
FEW: Final = Sizes(sessions=20_000, events=20_000, refreshes=20_000, users=5_000)
MANY: Final = Sizes(sessions=80_000, events=80_000, refreshes=80_000, users=20_000)
# The product's limits, as far below these numbers as they are below a million.
STRETCH: Final = 200
MOST_COUNTED: Final = 40
BIG: Final = ("auth_sessions", "audit_events", "session_refreshes", "users", "outbox_mails")
SORTED_AT_MOST: Final = 100  # rows; a page has 25

WORDS: Final = r"users: (one address|common word|two words|no match.*)"
RARE_BY_ADDRESS: Final = r"users: (deactivated|unverified|administrator|two-step|locked), by address"
# What may read all of a table or an index: which page, and why.
MAY_READ_ALL: Final = {
    r"overview": "totals; what waits in the outbox is little",
    WORDS: "words anywhere in an address or a name: no b-tree knows them",
    RARE_BY_ADDRESS: "of an index that holds those few only, and has another order",
}
MAY_SORT: Final = {
    RARE_BY_ADDRESS: MAY_READ_ALL[RARE_BY_ADDRESS],
    r"events: session": "the events of one session, which are few",
}
# What may cost more with more rows.
MAY_GROW: Final = {
    r"overview": "totals of all users, of what is active, of fourteen days",
    WORDS: MAY_READ_ALL[WORDS],
    RARE_BY_ADDRESS: MAY_READ_ALL[RARE_BY_ADDRESS],
    r"sessions: active, (deep|the last ones|(rare|absent) device)": "where few are left, all active ones are counted",
    r"sessions: heavy user at the common ip": "of two filters one has the index; the other is tried on its rows",
    r"events: (heavy user, rare kind|common kind, rare ip|rare kind, common ip|heavy user, common kind, common ip)": (
        "of several filters one has the index; the others are tried on its rows"
    ),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """How the statements of a page find their rows, how much work all of them are, and whether one skips rows."""

    plans: list[plans.Plan]
    lists: list[plans.Plan]  # of those that have an order
    work: int
    skips: bool


Survey = dict[str, Seen]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def surveys(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Survey, Survey]:
    """What every page does over few rows, and over four times as many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyset, "STRETCH", STRETCH)
        patch.setattr(user_list, "MOST_COUNTED", MOST_COUNTED)
        few, many = (survey(request.param, sizes, tmp_path_factory.mktemp("desk")) for sizes in (FEW, MANY))
    return few, many


def survey(kind: str, sizes: Sizes, folder: Path) -> Survey:
    """Seed a database, and look at every page of the desk."""
    app, now = create_app(make_settings(database_url=fresh_database(kind, folder))), utc_now()
    with app.app_context():
        engine = db.engine
        loading.seed(engine, sizes, now=now)
        people.create_user(app, ADMIN, is_admin=True)
        pages = desk_pages.pages(db.session, sizes, now=now)
    desk = app.test_client()
    steps.sign_in_by_form(desk, email=ADMIN)
    seen = {page.name: look(desk, page.path, engine) for page in pages}
    with app.app_context():
        close_connections()
    return seen


def look(desk: FlaskClient, path: str, engine: Engine) -> Seen:
    with plans.watch(engine) as statements:
        reply = desk.get(path)
    assert reply.status_code == 200, path
    with engine.connect() as connection:
        explained = [plans.explain(connection, statement) for statement in statements]
        work = sum(plans.work_of(connection, statement) for statement in statements)
    lists = [plan for plan, statement in zip(explained, statements, strict=True) if "ORDER BY" in statement.sql]
    return Seen(explained, lists, work, any(skips_rows(statement) for statement in statements))


def skips_rows(statement: plans.Statement) -> bool:
    """Whether there is an OFFSET, but for the "OFFSET 0" which SQLite is always sent."""
    found = list(re.finditer(r"OFFSET \?", statement.sql))
    skipped = [statement.parameters[statement.sql.count("?", 0, place.end() - 1)] for place in found]
    return statement.sql.count("OFFSET") > len(found) or any(skipped)


def unexpected(pages: dict[str, str], exceptions: dict[str, str]) -> dict[str, str]:
    """Return the pages of which no exception speaks."""
    return {page: fault for page, fault in pages.items() if not any(re.fullmatch(name, page) for name in exceptions)}


def faults(survey: Survey, is_faulty: Callable[[plans.Plan], bool]) -> dict[str, str]:
    return {page: str(plan) for page, seen in survey.items() for plan in seen.plans if is_faulty(plan)}


def test_no_page_reads_all_of_a_big_table(surveys: tuple[Survey, Survey]) -> None:
    """Each is reached by a condition of an index, or walked along in the order of one until the page is full."""

    def reads_all(plan: plans.Plan) -> bool:
        reached = (access.has_condition or access.is_limited for access in plan.accesses if access.table in BIG)
        return not all(reached)

    assert unexpected(faults(surveys[1], reads_all), MAY_READ_ALL) == {}


def test_no_page_sorts_much_more_than_it_shows(surveys: tuple[Survey, Survey]) -> None:
    def sorts(plan: plans.Plan) -> bool:
        return plan.sorted_rows is None or plan.sorted_rows > SORTED_AT_MOST

    assert unexpected(faults(surveys[1], sorts), MAY_SORT) == {}


def test_no_page_skips_rows(surveys: tuple[Survey, Survey]) -> None:
    assert [page for page, seen in surveys[1].items() if seen.skips] == []


def test_a_page_deep_in_a_list_is_entered_by_its_cursor(surveys: tuple[Survey, Survey]) -> None:
    deep = {page: seen.lists for page, seen in surveys[1].items() if page.endswith("deep")}
    walked = {
        page: str(plan)
        for page, lists in deep.items()
        for plan in lists
        if not all(access.has_condition for access in plan.accesses if access.table in BIG)
    }
    assert (len(deep), walked) == (20, {})


def test_no_page_costs_more_with_more_rows(surveys: tuple[Survey, Survey]) -> None:
    """Of first pages, deep ones, and those that find little or nothing: four times the rows, and the same work."""
    few, many = surveys
    grown = {
        page: f"{seen.work:,} became {many[page].work:,}"
        for page, seen in few.items()
        if many[page].work > 1.5 * seen.work + STRETCH
    }
    assert unexpected(grown, MAY_GROW) == {}
