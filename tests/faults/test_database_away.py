"""PostgreSQL dies or hangs: every answer says so and takes nothing away, and all goes on when it is back (L04-L06)."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.faults.clients import TRANSPORTS, Client, one_client
from tests.faults.crowds import client_of_each_worker
from tests.faults.postgresql_cluster import Cluster, cluster, furnish
from tests.faults.servers import kill_all, wait_for_workers
from tests.faults.visitors import Answer, Visitors, slow, slowest, statuses, visitors
from tests.support.live import LiveServer, serve
from tests.support.settings import PUBLIC_URL

VISITORS = 12
WORKERS = 2
AWAY = 6  # seconds
HANGS = 10
ASKED = {"me", "refresh", "login", "logout", "page"}


@pytest.fixture(scope="module")
def database() -> Iterator[Cluster]:
    with cluster() as running:
        furnish(running.url)
        yield running


@pytest.fixture(scope="module")
def running(database: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("away")
    with serve(folder, database.url, workers=WORKERS, public_url=PUBLIC_URL, is_patient=False) as server:
        wait_for_workers(server, WORKERS)
        try:
            yield server
        finally:
            kill_all(server)


def is_refused_as_it_should(answer: Answer) -> bool:
    """Whether an answer says 503 and when to come back, and takes no cookie away."""
    reply, expected = answer.reply, "text/html" if answer.what == "page" else "application/problem+json"
    return (
        reply.status == 503
        and int(reply.headers["Retry-After"]) > 0
        and reply.headers.get_content_type() == expected
        and "Set-Cookie" not in reply.headers
        and (answer.what == "page" or reply.code == "database_unavailable")
    )


def test_an_outage_is_told_as_one_and_signs_nobody_out(server: LiveServer, database: Cluster) -> None:
    """L04."""
    pids = server.worker_pids
    with visitors(server, VISITORS) as crowd:
        time.sleep(1)
        dies_at = time.monotonic()
        database.stop()
        died_at = time.monotonic()
        time.sleep(AWAY)
        returns_at = time.monotonic()
        database.start()
        is_back_at = time.monotonic()
        served_at = crowd.wait_until_served(since=is_back_at)
    before = crowd.answers(until=dies_at)
    assert {status for _, status in statuses(before)} <= {200, 204}
    away = crowd.answers(since=died_at, until=returns_at)
    assert [answer for answer in away if answer.what != "alive" and not is_refused_as_it_should(answer)] == []
    assert {"me", "refresh", "alive"} <= {answer.what for answer in away}
    assert {answer.reply.status for answer in away if answer.what == "alive"} == {200}
    assert slow(away, seconds=slowest(before) + 3) == []
    between = crowd.answers(since=dies_at)
    assert {status for _, status in statuses(between)} <= {200, 204, 503}
    after = crowd.answers(since=served_at)
    assert {status for _, status in statuses(after)} <= {200, 204}
    assert server.worker_pids == pids
    _is_in_order(crowd, server)
    refused = [answer for answer in between if answer.reply.status == 503]
    last = max(answer.ended for answer in refused) - is_back_at
    print(
        f"L04: {AWAY} s away, {len(refused)} x 503, slowest {slowest(away):.2f} s, last {last:.2f} s after it was "
        f"back; then {len(after)} x 2xx; 0 sessions of {VISITORS} lost, 0 workers restarted"
    )


def test_readiness_and_recovery_of_a_server_that_starts_before_its_database(
    database: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """L04: it answers from the start, and works as soon as it can."""
    database.stop()
    try:
        with (
            serve(tmp_path_factory.mktemp("early"), database.url, workers=WORKERS, is_patient=False) as early,
            one_client(early) as client,
        ):
            try:
                wait_for_workers(early, WORKERS)
                pids = early.worker_pids
                assert [_status(client, path) for path in ("/healthz", "/readyz", "/")] == [200, 503, 503]
                database.start()
                assert [_status(client, path) for path in ("/healthz", "/readyz", "/")] == [200, 200, 200]
                assert client.me(client.sign_in("body").access).status == 200
                assert early.worker_pids == pids
                assert "Traceback" not in early.log
            finally:
                kill_all(early)
    finally:
        if database.process and database.process.poll() is not None:
            database.start()


def _status(client: Client, path: str) -> int:
    return client.call("GET", path).status


def test_a_restart_that_nobody_was_there_to_see_is_not_noticed(server: LiveServer, database: Cluster) -> None:
    """L05: connections that have died while they were idle are not given to anybody."""
    with visitors(server, VISITORS):
        time.sleep(1)  # each worker has several connections now
    with client_of_each_worker(server) as clients:
        sessions = [clients[0].sign_in(transport) for transport in TRANSPORTS]
        database.stop()
        database.start()
        replies = [
            reply
            for client in clients
            for session in sessions
            for _ in range(8)
            for reply in (client.me(session.access), client.refresh(session.transport, session.refresh))
        ]
    assert len(replies) >= 60
    assert {reply.status for reply in replies} == {200}
    print(f"L05: {len(replies)} answers after a quiet restart, all 200")


def test_connections_that_end_between_two_requests_are_not_noticed(server: LiveServer, database: Cluster) -> None:
    """L05: not even where the connection has been used a moment ago, too lately to be tried again."""
    with one_client(server) as client:
        session = client.sign_in("body")
        for _ in range(10):
            assert client.me(session.access).status == 200
            _end_connections(database)
            assert client.me(session.access).status == 200
            _end_connections(database)
            assert client.refresh("body", session.refresh).status == 200


def _end_connections(database: Cluster) -> None:
    """End all of them but its own, and return as soon as they have ended (PostgreSQL itself looks every 0.1 s)."""
    others = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    with psycopg.connect(database.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) {others}")
        while connection.execute(f"SELECT pid {others}").fetchall():
            time.sleep(0.002)


def test_a_database_that_says_nothing_any_more_holds_nobody_up(server: LiveServer, database: Cluster) -> None:
    """L06: its kernel goes on to take what it is sent, so that only our own clock tells."""
    pids = server.worker_pids
    with visitors(server, VISITORS) as crowd:
        time.sleep(1)
        database.hang()
        stops_at = time.monotonic()
        time.sleep(HANGS)
        goes_on_at = time.monotonic()
        database.go_on()
        served_at = crowd.wait_until_served(since=goes_on_at)
    hanging = crowd.answers(since=stops_at, until=goes_on_at)
    # Who has come past the first look before the database stopped, or comes when it goes on, waits for the hash, too.
    timed = [answer for answer in crowd.answers() if answer.what != "login" or answer in hanging]
    assert slow(timed, seconds=6) == [], "one wait of four seconds, not two"
    alive = [answer for answer in hanging if answer.what == "alive"]
    told = [answer for answer in hanging if answer.what != "alive"]
    assert {answer.reply.status for answer in alive} == {200}
    assert slow(alive, seconds=3) == []
    assert {"me", "refresh"} <= {answer.what for answer in told} <= ASKED
    answered = [answer for answer in told if answer.reply.status in (200, 204)]
    assert len(answered) <= VISITORS, "only what had all it needed when the database stopped"
    assert [answer for answer in told if answer not in answered and not is_refused_as_it_should(answer)] == []
    after = crowd.answers(since=served_at)
    assert {status for _, status in statuses(after)} <= {200, 204}
    assert server.worker_pids == pids
    _is_in_order(crowd, server)
    last = max(answer.ended for answer in crowd.answers() if answer.reply.status == 503) - goes_on_at
    print(
        f"L06: {HANGS} s without a word, {len(told) - len(answered)} x 503, slowest {slowest(timed):.2f} s, "
        f"last {last:.2f} s after it went on; then {len(after)} x 2xx; 0 sessions of {VISITORS} lost"
    )


def _is_in_order(crowd: Visitors, server: LiveServer) -> None:
    """None of those who stayed has lost the session."""
    with one_client(server) as client:
        for visitor in crowd.each:
            visitor.client = client
            assert visitor.refresh().status == 200
