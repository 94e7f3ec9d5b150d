"""The pool that tries its connections: which are replaced, how often, what becomes of one that fails oddly, and who is
given one first."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tests.support.engines import SERVER, engine_on
from tests.support.waiting import wait_until
from webapp import fair_pool, postgresql
from webapp.database import OUTAGES


class Clock:
    """What SQLAlchemy and the pool take for `time`; the wall clock can be set back."""

    set_back_by = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def time(self) -> float:
        return time.time() - self.set_back_by


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(fair_pool, "RESTED", 0.0)  # each is tried at each use
    with engine_on(SERVER) as engine:
        yield engine


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("sqlalchemy.pool.base.time", clock)
    monkeypatch.setattr(fair_pool, "time", clock)
    return clock


def use(engine: Engine, count: int) -> list[int]:
    """Use so many connections at once; return their processes on the server."""
    open_ones: list[Connection] = [engine.connect() for _ in range(count)]
    pids = [pid_of(connection) for connection in open_ones]
    for connection in open_ones:
        connection.close()
    return pids


def pid_of(connection: Connection) -> int:
    return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)


def end_all(pids: list[int]) -> None:
    with psycopg.connect(SERVER.replace("+psycopg", ""), autocommit=True) as server:
        server.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [pids])
        left = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
        wait_until(lambda: server.execute(left, [pids]).fetchone() == (0,), "the server has ended them")


def test_after_a_restart_of_the_server_each_connection_is_made_anew_once(engine: Engine) -> None:
    before = use(engine, 4)
    end_all(before)
    after = {pid for count in range(1, 5) for pid in use(engine, count)}
    assert len(after) == 4
    assert after.isdisjoint(before)


def test_what_died_is_not_handed_out_though_the_clock_was_set_back(engine: Engine, clock: Clock) -> None:
    before = use(engine, 3)
    end_all(before)
    clock.set_back_by = 60
    after = use(engine, 3)
    assert set(after).isdisjoint(before)


def test_what_an_outdated_server_gave_is_replaced_though_the_clock_was_set_back(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = use(engine, 3)
    clock.set_back_by = 60
    monkeypatch.setattr(postgresql.PatientConnection, "refused_at", time.monotonic())
    assert set(use(engine, 3)).isdisjoint(before)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
def test_a_connection_whose_trial_breaks_off_is_not_used_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """It was in autocommit for its trial, and a transaction on it would be none."""
    [before] = use(engine, 1)
    with monkeypatch.context() as broken:

        def fails(*_: Any, **__: Any) -> None:
            raise error

        broken.setattr(postgresql.PatientConnection, "execute", fails)
        with pytest.raises(error):
            engine.connect()
    with engine.connect() as connection:
        assert pid_of(connection) != before
        assert connection.connection.dbapi_connection.autocommit is False  # type: ignore[union-attr]
    pool: Any = engine.pool
    assert (pool.checkedout(), pool._turns._free) == (0, pool.size()), "no turn is lost"


@pytest.mark.usefixtures("the_products_limits")
def test_connections_go_to_those_who_have_waited_longest(engine: Engine) -> None:
    order: list[int] = []
    held = [engine.connect() for _ in range(engine.pool.size())]  # type: ignore[attr-defined]

    def wait_for_one(number: int) -> None:
        with engine.connect():
            order.append(number)

    threads = []
    for number in range(10):
        threads.append(threading.Thread(target=wait_for_one, args=(number,)))
        threads[-1].start()
        wait_until(lambda so_many=number + 1: _waiting(engine) == so_many, "the thread waits")
    held.pop().close()
    for thread in threads:
        thread.join(5)
    assert order == list(range(10))
    for connection in held:
        connection.close()
    assert _waiting(engine) == 0


def _waiting(engine: Engine) -> int:
    pool: Any = engine.pool
    return len(pool._turns._waiting)


@pytest.mark.usefixtures("the_products_limits")
def test_who_waits_for_a_connection_in_vain_is_told_in_time_and_leaves_no_gap(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [engine.connect() for _ in range(engine.pool.size())]  # type: ignore[attr-defined]
    monkeypatch.setattr(postgresql, "REQUEST_TIMEOUT", 0.1)
    postgresql.begin_request()
    with pytest.raises(PoolTimeout) as raised:
        engine.connect()
    assert isinstance(raised.value, OUTAGES)
    postgresql.end_request()
    for connection in held:
        connection.close()
    held = [engine.connect() for _ in held]
    for connection in held:
        connection.close()
