"""With whom a thread of gunicorn stays: a client that asks one thing after the other, as long as others find one."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn

from webapp import serving

THREADS = 4
ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
FOR_LONG, WITHIN = 20, 10  # seconds


def hello(_environ: Any, start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


@pytest.fixture
def worker() -> Iterator[serving.Worker]:
    config = Config()
    config.set("threads", THREADS)
    worker = serving.Worker(0, os.getpid(), [], None, WITHIN, config, Logger(config))
    worker.wsgi = hello
    yield worker
    worker.tmp.close()


@pytest.fixture
def ends(worker: serving.Worker) -> Iterator[tuple[socket.socket, TConn]]:
    """A client, and its connection as the worker has it when the client has asked again at once."""
    client, ours = socket.socketpair()
    client.settimeout(WITHIN)
    connection = TConn(worker.cfg, ours, ("127.0.0.1", 1), ("127.0.0.1", 2))
    connection.set_timeout()
    with client, ours:
        yield client, connection


@pytest.fixture
def handled(worker: serving.Worker, ends: tuple[socket.socket, TConn]) -> Iterator[Callable[[], Future[Any]]]:
    """A function that lets a thread answer the client, and returns what becomes of it."""
    with ThreadPoolExecutor() as pool:
        yield lambda: pool.submit(worker.handle, ends[1])


def answers(client: socket.socket, count: int = 1) -> None:
    """Take so many answers; fails if they do not come."""
    taken = b""
    while taken.count(b"hello") < count:
        piece = client.recv(4096)
        assert piece, taken
        taken += piece


def test_a_thread_stays_with_a_client_that_asks_on_until_that_hangs_up(
    ends: tuple[socket.socket, TConn], handled: Callable[[], Future[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "STAYS_FOR", FOR_LONG)
    client, _ = ends
    client.sendall(ASK)
    turn = handled()
    answers(client)
    for _ in range(3):
        assert not turn.done()
        client.sendall(ASK)
        answers(client)
    client.close()
    assert turn.result(WITHIN) is False


def test_it_hands_the_connection_back_when_nothing_more_comes(
    ends: tuple[socket.socket, TConn], handled: Callable[[], Future[Any]]
) -> None:
    client, _ = ends
    client.sendall(ASK)
    assert handled().result(WITHIN) is True
    answers(client)


def test_what_was_read_together_is_answered_at_once(
    ends: tuple[socket.socket, TConn], handled: Callable[[], Future[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "STAYS_FOR", FOR_LONG)
    client, _ = ends
    client.sendall(3 * ASK)
    turn = handled()
    answers(client, 3)
    client.close()
    assert turn.result(WITHIN) is False


def _is_new(_worker: serving.Worker, connection: TConn) -> None:
    connection.timeout = None


def _was_quiet(worker: serving.Worker, connection: TConn) -> None:
    connection.timeout = time.monotonic() + worker.cfg.keepalive - FOR_LONG - 1


def _has_others(worker: serving.Worker, _connection: TConn) -> None:
    worker._busy |= {object(): serving._Turn(0) for _ in range(THREADS // 2)}


@pytest.mark.parametrize("otherwise", [_is_new, _was_quiet, _has_others])
def test_else_each_request_is_somebody_elses_to_find_a_thread_for(
    worker: serving.Worker,
    ends: tuple[socket.socket, TConn],
    handled: Callable[[], Future[Any]],
    monkeypatch: pytest.MonkeyPatch,
    otherwise: Callable[[serving.Worker, TConn], None],
) -> None:
    """The first request of a connection, one after a pause, and threads that others need."""
    monkeypatch.setattr(serving, "STAYS_FOR", FOR_LONG)
    client, connection = ends
    otherwise(worker, connection)
    client.sendall(ASK)
    turn = handled()
    answers(client)
    assert turn.result(FOR_LONG / 2) is True
