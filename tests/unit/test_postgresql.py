"""Connections to PostgreSQL: how long they wait, and what is done about a server that says nothing."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from tests.faults.smtp_servers import tar_pit
from tests.support.databases import migrate
from tests.support.engines import SERVER, engine_on
from tests.support.live import free_port
from tests.support.services import POSTGRESQL, require_postgresql
from webapp import postgresql

pytestmark = pytest.mark.usefixtures("the_products_limits")


def connector(port: int) -> postgresql.Connector:
    return postgresql.Connector(make_url(f"postgresql+psycopg://nobody@127.0.0.1:{port}/nothing?sslmode=disable"))


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine as the product makes it; a parameter is what follows the database's name."""
    with engine_on(SERVER + getattr(request, "param", "")) as engine:
        yield engine


def test_a_request_waits_no_longer_than_it_may(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """L06: whatever it has waited for before, and the connection is not used again."""
    monkeypatch.setattr(postgresql, "REQUEST_TIMEOUT", 0.8)
    with engine.connect() as connection:
        used = connection.connection.dbapi_connection
        postgresql.begin_request()
        connection.execute(text("SELECT pg_sleep(0.4)"))
        began = time.monotonic()
        with pytest.raises(OperationalError, match="has not answered"):
            connection.execute(text("SELECT pg_sleep(3)"))
        assert time.monotonic() - began < 2
    assert used is not None
    assert used.closed
    monkeypatch.undo()
    postgresql.end_request()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize("engine", ["?options=-csearch_path%3Dapp%20-cstatement_timeout%3D0"], indirect=True)
def test_the_servers_options_are_the_ones_given_and_ours_within_which_it_stays(engine: Engine) -> None:
    with engine.connect() as connection:
        shown = [connection.scalar(text(f"SHOW {name}")) for name in ("search_path", "statement_timeout")]
    assert shown == ["app", "4s"]


def test_what_comes_after_the_request_is_not_held_to_its_time(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "REQUEST_TIMEOUT", 0.1)
    postgresql.begin_request()
    postgresql.end_request()
    monkeypatch.undo()
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_sleep(0.4)"))


def test_a_request_that_was_answered_stays_so_if_the_server_dies_before_its_rollback(engine: Engine) -> None:
    """L04: the transaction has ended with the connection, and there is nothing to tell anybody."""
    with engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with psycopg.connect(SERVER.replace("+psycopg", ""), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != pid


def test_one_thread_tries_to_reach_a_silent_server_and_all_others_are_refused_at_once() -> None:
    """L06."""
    port, seconds = free_port(), []
    server = connector(port)
    server.note_silence()

    def connect(_: int) -> None:
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError):
            server.connect()
        seconds.append(time.monotonic() - began)

    with tar_pit(port) as pit, ThreadPoolExecutor(20) as pool:
        first = pool.submit(connect, 0)
        pit.wait_for_victim()
        time.sleep(postgresql.TRYING)
        list(pool.map(connect, range(19)))
        assert len(pit.caught) == 1
        assert not first.done()
        assert len(seconds) == 19
        first.result()


def test_a_server_that_answers_again_is_open_to_all(engine: Engine) -> None:
    server = postgresql.Connector(make_url(SERVER))
    server.note_silence()
    with ThreadPoolExecutor(10) as pool:
        for connection in pool.map(lambda _: server.connect(), range(10)):
            assert connection.execute("SELECT 1").fetchone() == (1,)
            connection.close()


def test_a_server_that_takes_nothing_is_away_and_its_connections_are_replaced_now_and_then(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L11: they stay what they were made as, whoever is the primary by then; but a crowd goes on reading."""

    def write() -> int | None:
        with engine.connect() as connection:
            pid: int | None = connection.scalar(text("SELECT pg_backend_pid()"))
            connection.rollback()
            connection.execute(text("SET TRANSACTION READ ONLY"))
            with pytest.raises(OperationalError, match="read-only transaction") as raised:
                connection.execute(text("CREATE TABLE never (id int)"))
            assert getattr(raised.value.orig, "sqlstate", None) == "25006"
        return pid

    monkeypatch.setattr(postgresql, "RENEWS_EVERY", 0.0)
    pids = [write(), write()]
    monkeypatch.setattr(postgresql, "RENEWS_EVERY", 3600.0)
    pids += [write(), write()]
    assert len(set(pids)) == 3
    assert pids[2] == pids[3]


def test_a_migration_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the server's limit nor ours ends it."""
    require_postgresql()
    name, slept = f"evergreen_slow_{os.getpid()}", []
    with psycopg.connect(SERVER.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())

    def sleep(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "CREATE TABLE users" in statement:
            cursor.execute("SELECT pg_sleep(1.5)")
            slept.append(statement)

    event.listen(Engine, "before_cursor_execute", sleep)
    try:
        monkeypatch.setattr(postgresql, "SERVER_OPTIONS", "-c statement_timeout=1000")
        monkeypatch.setattr(postgresql, "ANSWER_TIMEOUT", 1.0)
        migrate(f"{POSTGRESQL}/{name}")
        assert len(slept) == 1
        with psycopg.connect(f"{POSTGRESQL}/{name}".replace("+psycopg", "")) as connection:
            assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
    finally:
        event.remove(Engine, "before_cursor_execute", sleep)
        with psycopg.connect(SERVER.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
