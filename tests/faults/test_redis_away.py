"""Redis dies, hangs, is late or forgets: requests are answered as ever, each worker counts, no token cares (L07)."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from threading import Event

import pytest
import requests

from tests.faults.clients import Client
from tests.faults.postgresql_cluster import furnish
from tests.faults.redis_servers import OwnRedis, SlowWay, started
from tests.faults.servers import kill_all, wait_for_workers
from tests.support.databases import fresh_database
from tests.support.live import LiveServer, free_port, serve
from tests.support.settings import PUBLIC_URL
from tests.support.waiting import wait_until

WORKERS = 2
FAILURES = 10  # that an address has within five minutes
MOST_GUESSES = 300  # many times what two workers take until both refuse
ASKERS = 8
SECONDS = 1
_numbers = count(1)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    server = OwnRedis(port, folder, started(port, folder))
    wait_until(server.answers_by_now, "Redis does not answer")
    try:
        yield server
    finally:
        server.die()


@pytest.fixture(scope="module")
def running(redis: OwnRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with _server_that_counts_in(redis.url, tmp_path_factory.mktemp("limits")) as server:
        yield server


@contextmanager
def _server_that_counts_in(redis_url: str, folder: Path) -> Iterator[LiveServer]:
    furnish(url := fresh_database("sqlite", folder))
    limits = {"ratelimit_enabled": "true", "ratelimit_storage_uri": redis_url, "trusted_proxies": 1}
    settings = {"workers": WORKERS, "public_url": PUBLIC_URL, **limits}
    with serve(folder, url, **settings) as server:
        wait_for_workers(server, WORKERS)
        try:
            yield server
        finally:
            kill_all(server)


def address() -> dict[str, str]:
    """Headers of somebody whose address, and whose network of that, nobody has seen yet."""
    return {"X-Forwarded-For": f"2001:db8:{next(_numbers):x}::1"}


def guess(server: LiveServer, who: dict[str, str]) -> int:
    """Try a password on an account of its own, on a connection of its own, which any worker may get."""
    body = {"email": f"nobody-{next(_numbers)}@test.com", "password": "not the one", "transport": "body"}
    return requests.post(f"http://127.0.0.1:{server.port}/api/login", json=body, headers=who, timeout=30).status_code


def guesses_until_refused(server: LiveServer) -> int:
    """How many guesses an address has before every worker refuses it: it is refused ten times in a row."""
    who, answers = address(), list[int]()
    while answers[-10:] != [429] * 10:
        answers.append(guess(server, who))
        assert answers[-1] in (401, 429)
        assert len(answers) < MOST_GUESSES, answers
    return Counter(answers)[401]


def ask_for_options(server: LiveServer, answers: list[tuple[int, float]]) -> None:
    """Ask for what is counted before the view."""
    began = time.monotonic()
    url = f"http://127.0.0.1:{server.port}/api/login/passkey/options"
    answers.append((requests.post(url, headers=address(), timeout=30).status_code, time.monotonic() - began))


def ask(server: LiveServer, until: Event, answers: list[tuple[int, float]]) -> None:
    """Ask for that, and for what is counted after the view, until told to stop."""
    while not until.is_set():
        ask_for_options(server, answers)
        began = time.monotonic()
        answers.append((guess(server, address()), time.monotonic() - began))


@pytest.mark.parametrize("trouble", ["dies", "hangs"])
def test_without_redis_each_worker_counts_and_nobody_waits(
    server: LiveServer, client: Client, redis: OwnRedis, trouble: str
) -> None:
    """L07: also for those who were being counted when it happened."""
    wait_until(lambda: guesses_until_refused(server) == FAILURES, "all workers count together")
    session = client.sign_in("body")
    until, answers = Event(), list[tuple[int, float]]()
    begin, mend = (redis.die, redis.start) if trouble == "dies" else (redis.hang, redis.go_on)
    with ThreadPoolExecutor(ASKERS) as pool:
        tasks = [pool.submit(ask, server, until, answers) for _ in range(ASKERS)]
        try:
            wait_until(lambda: len(answers) > 5 * ASKERS, "they are answered")
            before = max(seconds for _, seconds in answers)
            begin()
            time.sleep(SECONDS)
            failures = guesses_until_refused(server)
            assert client.me(session.access).status == 200
        finally:
            mend()
            until.set()
        for task in tasks:
            task.result()
    assert {status for status, _ in answers} == {200, 401}
    slowest = max(seconds for _, seconds in answers)
    assert slowest - before < 15, "Redis may take 0.2 s for a connection and for an answer; the rest is the machine"
    assert FAILURES <= failures <= FAILURES * WORKERS
    wait_until(lambda: guesses_until_refused(server) == FAILURES, "they count together again")
    print(
        f"L07 {trouble}: {len(answers)} answers, 0 x 5xx, slowest {before:.2f} s with and {slowest:.2f} s without "
        f"Redis; {failures} guesses of an address without it, {FAILURES} with it"
    )


def test_a_redis_that_is_late_holds_nobody_up(redis: OwnRedis, tmp_path: Path) -> None:
    """L07: its answers take 300 ms; one thread finds that out every two seconds, the others go on."""
    way = SlowWay(redis.port)
    with way.open(), _server_that_counts_in(way.url, tmp_path) as server:
        wait_until(lambda: guesses_until_refused(server) == FAILURES, "all workers count together")
        before, meanwhile = list[tuple[int, float]](), list[tuple[int, float]]()
        _ask_for(server, SECONDS, before)
        way.late = 0.3
        _ask_for(server, 4 * SECONDS, meanwhile)
        failures = guesses_until_refused(server)
        way.late = 0
        wait_until(lambda: guesses_until_refused(server) == FAILURES, "they count together again")
    assert {status for status, _ in before + meanwhile} == {200}
    usual, late = (median(seconds for _, seconds in answers) for answers in (before, meanwhile))
    assert late - usual < 0.2, "most do not wait for Redis"
    assert FAILURES <= failures <= FAILURES * WORKERS
    print(
        f"L07 is late: {len(meanwhile)} answers, 0 x 5xx, median {usual:.3f} s in time and {late:.3f} s late, "
        f"slowest {max(seconds for _, seconds in meanwhile):.3f} s; {failures} guesses of an address"
    )


def _ask_for(server: LiveServer, seconds: float, answers: list[tuple[int, float]]) -> None:
    """Ask for what takes no hash, which would take longer than Redis where the machine is at work."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        ask_for_options(server, answers)


def test_a_redis_that_forgets_revives_no_token(server: LiveServer, client: Client, redis: OwnRedis) -> None:
    """L07: Redis holds counts only."""
    gone, stays = client.sign_in("body"), client.sign_in("cookie")
    assert client.call("POST", "/api/logout", bearer=gone.access).status == 204
    redis.forget()
    assert client.me(gone.access).code == "session_ended"
    assert client.refresh("body", gone.refresh).code == "session_ended"
    assert client.refresh("cookie", stays.refresh).status == 200
