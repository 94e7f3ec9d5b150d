"""What a session costs on PostgreSQL: bytes a row, and the processor's time a request. One command, one table.

.venv/bin/python -m bench.sizing [--rows 100000] [--requests 2000]

docs/deploy.md reckons with it."""

import argparse
import json
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil
import psycopg
from flask_migrate import upgrade

from bench import desk_rows, loading
from bench.databases import temporary_database
from tests.support import people
from tests.support.databases import close_connections
from tests.support.live import LiveServer, serve
from tests.support.services import POSTGRESQL
from tests.support.settings import make_settings
from webapp import create_app
from webapp.clock import utc_now
from webapp.database import db

TABLES: Final = ("users", "auth_sessions", "session_refreshes", "audit_events")
# As use leaves the table: a tenth of the sessions is seen anew, twenty times, and autovacuum comes by after each.
ROUNDS: Final = 20
SEEN: Final = """
UPDATE auth_sessions SET last_seen_at = now() + %(round)s * interval '1 minute', activity = 'GET /api/me'
WHERE mod(abs(hashtext(id || %(round)s)), 10) = 0
"""
BACKEND: Final = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=2000)
    options = parser.parse_args()
    with temporary_database("postgresql", POSTGRESQL) as url:
        app = create_app(make_settings(database_url=url))
        with app.app_context():
            upgrade()
            loading.seed(db.engine, desk_rows.sizes_of(options.rows), now=utc_now())
            close_connections()
        people.create_user(app)
        _print_sizes(url)
        with TemporaryDirectory() as folder, serve(Path(folder), url, workers=1) as server:
            _print_requests(server, url, options.requests)


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


def _print_sizes(url: str) -> None:
    """Bytes a row of each table with its indexes, fresh; and of sessions again after they were in use."""
    with psycopg.connect(_plain(url), autocommit=True) as connection:
        for table in TABLES:
            print(f"{table:20} {_bytes_per_row(connection, table)}")
        for number in range(ROUNDS):
            connection.execute(SEEN, {"round": number})
            connection.execute("VACUUM auth_sessions")
        print(f"{'auth_sessions, used':20} {_bytes_per_row(connection, 'auth_sessions')}")


def _bytes_per_row(connection: psycopg.Connection[Any], table: str) -> str:
    query = f"SELECT count(*), pg_table_size('{table}'), pg_indexes_size('{table}') FROM {table}"  # noqa: S608 - names of ours
    [(count, heap, indexes)] = connection.execute(query.encode()).fetchall()
    return f"{heap / count:5.0f} + {indexes / count:5.0f} bytes a row of {count} (table + indexes)"


@dataclass
class Caller:
    """One connection, kept alive."""

    server: LiveServer
    connection: HTTPConnection

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        return self._answer()

    def get(self, path: str, token: str) -> dict[str, Any]:
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        response = self.connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{response.status} {content!r}")
        return dict(json.loads(content))

    def sign_in(self) -> dict[str, Any]:
        return self.post("/api/login", {"email": people.EMAIL, "password": people.PASSWORD, "transport": "body"})


def _print_requests(server: LiveServer, url: str, count: int) -> None:
    caller = Caller(server, HTTPConnection("127.0.0.1", server.port, timeout=60))
    tokens = caller.sign_in()

    def refresh() -> None:
        tokens.update(caller.post("/api/refresh", {"refresh_token": tokens["refresh_token"]}))

    acts = {
        "GET /api/me": (lambda: caller.get("/api/me", tokens["access_token"]), count),
        "POST /api/refresh": (refresh, count),
        "POST /api/login": (caller.sign_in, count // 10),
    }
    for name, (act, times) in acts.items():
        for _ in range(20):  # warm
            act()
        before = _cpu_seconds(server, url)
        for _ in range(times):
            act()
        python, database = (
            1000 * (now - then) / times for now, then in zip(_cpu_seconds(server, url), before, strict=True)
        )
        print(f"{name:20} {python:5.2f} ms of Python, {database:5.2f} ms of PostgreSQL: processor, mean of {times}")


def _cpu_seconds(server: LiveServer, url: str) -> tuple[float, float]:
    """The processor's time so far of the workers, and of the PostgreSQL processes that serve them."""
    with psycopg.connect(_plain(url)) as connection:
        backends = [pid for (pid,) in connection.execute(BACKEND, (url.rpartition("/")[2],)).fetchall()]
    return _seconds(server.worker_pids), _seconds(backends)


def _seconds(pids: list[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


if __name__ == "__main__":
    main()
