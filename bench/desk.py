"""How long the pages of the administrators' desk take with a million rows: one command, one table.

.venv/bin/python -m bench.desk [--rows 1000000] [--database sqlite|postgresql|both] [--json]"""

import argparse
import json
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from statistics import median
from time import perf_counter, process_time

from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import Engine

from bench import desk_pages, desk_rows, loading, plans
from bench.databases import temporary_database
from tests.support import people, steps
from tests.support.services import POSTGRESQL
from tests.support.settings import make_settings
from webapp import create_app
from webapp.clock import utc_now
from webapp.database import db

ADMIN = "admin@test.com"
REPEATS = 12  # PostgreSQL plans a prepared statement anew for each value only at first
CSV_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Measured:
    """A page: the server's time in ms, of the processor and on the wall, and its slowest statement with its plan."""

    page: str
    cpu_ms: float
    wall_ms: float
    statement_ms: float
    plan: str


@dataclass(frozen=True, slots=True)
class Download:
    """A list as CSV: how long its first line takes in ms, and how fast the first hundred thousand rows come."""

    page: str
    first_line_ms: float
    rows: int
    rows_per_second: float


@dataclass(frozen=True, slots=True)
class Result:
    """What one database did."""

    seeding_seconds: float
    pages: list[Measured]
    downloads: list[Download]


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what is temporary goes then too
    results: dict[str, Result] = {}
    for kind in ("sqlite", "postgresql") if options.database == "both" else (options.database,):
        with temporary_database(kind, options.postgresql_url) as url, _application(url) as app:
            results[kind] = _measure(app, options.rows, options.only)
        if not options.json:
            _print(kind, options.rows, results[kind])
    if options.json:
        json.dump({kind: asdict(result) for kind, result in results.items()}, sys.stdout, indent=2)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="sessions, and as many events (default: %(default)s)"
    )
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--postgresql-url", default=POSTGRESQL, help="a server where databases may be made")
    parser.add_argument("--only", default="", help="pages whose name begins so")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    return parser.parse_args()


@contextmanager
def _application(url: str) -> Iterator[Flask]:
    """Yield the application over the migrated database."""
    app = create_app(make_settings(database_url=url))
    logging.disable(logging.WARNING)  # a line for each request
    with app.app_context():
        upgrade()
        engine = db.engine
    try:
        yield app
    finally:
        engine.dispose()


def _measure(app: Flask, rows: int, only: str) -> Result:
    sizes, now = desk_rows.sizes_of(rows), utc_now()
    with app.app_context():
        engine = db.engine
        started = perf_counter()
        loading.seed(engine, sizes, now=now)
        seeding = perf_counter() - started
        print(f"Seeded {rows:,} sessions and events in {seeding:.0f} s.", file=sys.stderr)
        people.create_user(app, ADMIN, is_admin=True)
        pages = [page for page in desk_pages.pages(db.session, sizes, now=now) if page.name.startswith(only)]
    desk = app.test_client()
    steps.sign_in_by_form(desk, email=ADMIN)
    downloads = [_download(desk, page) for page in desk_pages.downloads() if page.name.startswith(only)]
    return Result(seeding, [_visit(desk, page, engine) for page in pages], downloads)


def _visit(desk: FlaskClient, page: desk_pages.Page, engine: Engine) -> Measured:
    with plans.watch(engine) as statements:
        _get(desk, page.path)
    times = [_get(desk, page.path) for _ in range(REPEATS)]
    with engine.connect() as connection:
        slowest = max(statements, key=lambda statement: plans.seconds_of(connection, statement, times=2))
        seconds = plans.seconds_of(connection, slowest)
        plan = str(plans.explain(connection, slowest))
    cpu, wall = (median(column) * 1000 for column in zip(*times, strict=True))
    return Measured(page.name, cpu, wall, seconds * 1000, plan)


def _get(desk: FlaskClient, path: str) -> tuple[float, float]:
    cpu, wall = process_time(), perf_counter()
    reply = desk.get(path)
    taken = process_time() - cpu, perf_counter() - wall
    if reply.status_code != HTTPStatus.OK:
        raise SystemExit(f"{path} answered {reply.status_code}: {reply.text[:500]}")
    return taken


def _download(desk: FlaskClient, page: desk_pages.Page) -> Download:
    started, first, lines = perf_counter(), 0.0, 0
    reply = desk.get(page.path, buffered=False)
    for lines, _ in enumerate(reply.response):
        first = first or perf_counter() - started
        if lines == CSV_ROWS:
            break
    seconds = perf_counter() - started
    reply.close()
    return Download(page.name, first * 1000, lines, lines / seconds)


def _print(kind: str, rows: int, result: Result) -> None:
    print(f"\n### {kind}, {rows:,} sessions and events, seeded in {result.seeding_seconds:.0f} s\n")
    print("| page | CPU ms | wall ms | slowest statement ms | how it finds its rows |")
    print("|---|--:|--:|--:|---|")
    for page in result.pages:
        print(f"| {page.page} | {page.cpu_ms:.1f} | {page.wall_ms:.1f} | {page.statement_ms:.1f} | {page.plan} |")
    print("\n| download | first line ms | rows | rows a second |\n|---|--:|--:|--:|")
    for one in result.downloads:
        print(f"| {one.page} | {one.first_line_ms:.1f} | {one.rows:,} | {one.rows_per_second:,.0f} |")


if __name__ == "__main__":
    main()
