"""Mixed traffic at a steady rate: memory, files, connections and threads of the workers stay as they are (L18).

In the suite for seconds, which shows a gross leak; for an hour, after half of one in which the workers fill what is
bounded, by `SOAK_SECONDS=3600 .venv/bin/pytest -s -o faulthandler_timeout=0 tests/faults/test_soak.py`. It prints how
fast the memory grows."""

import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from statistics import linear_regression

import psutil
import pytest
from sqlalchemy import make_url

from tests.faults.clients import Client, Reply, Session, one_client
from tests.faults.crowds import client_of_each_worker
from tests.faults.servers import kill_all, wait_for_workers
from tests.faults.traffic import Habit, refreshes, traffic
from tests.support import people
from tests.support.databases import close_connections, fresh_database, turn_for_a_crowd
from tests.support.live import LiveServer, serve
from tests.support.settings import PUBLIC_URL, make_settings
from webapp import create_app
from webapp.database import POOL_SIZE, READ_POOL_SIZE

SECONDS = float(os.environ.get("SOAK_SECONDS", "10"))
SQLITE_POOL = 5  # connections that SQLAlchemy's pool keeps, each with three files
IS_SHORT = SECONDS < 60
WARMS_UP = 4 if IS_SHORT else 1920  # seconds; by then the less busy worker, too, has all the tokens it remembers
WORKERS = 2
EVERY = 0.25  # seconds between two looks
GROWTH = 3.0  # MB a worker
MB = 2**20


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(engine: str, tmp_path: Path) -> Iterator[LiveServer]:
    url = fresh_database(engine, tmp_path)
    app = create_app(make_settings(database_url=url))
    people.create_user(app)
    with app.app_context():
        close_connections()
    options = {"workers": WORKERS, "public_url": PUBLIC_URL, "ratelimit_enabled": True}
    # Not in seconds: once in a worker's life the 19 MB of a hash become a part of its heap, more than is looked for.
    options["hashes_in_earnest"] = not IS_SHORT
    with turn_for_a_crowd(engine), serve(tmp_path, url, **options) as server:
        wait_for_workers(server, WORKERS)
        yield server
        kill_all(server)


def habits(server: LiveServer) -> list[Habit]:
    """About a hundred requests a second: calls, refreshes, pages, sign-ins and sign-outs, and strangers who guess."""
    with one_client(server) as client:
        sessions = [client.sign_in(transport) for transport in ("body", "body", "body", "cookie")]
    *refreshing, calling = sessions
    addresses = (f"127.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in count(258))

    def call(client: Client) -> Reply:
        return client.me(calling.access)

    def page(client: Client) -> Reply:
        return client.call("GET", "/login")

    def renews(session: Session) -> Callable[[Client], Reply]:
        refresh = refreshes(session)

        def act(client: Client) -> Reply:
            return client.me(refresh(client).access or "")

        return act

    def come_and_go(client: Client) -> Reply:
        session = client.sign_in("body")
        client.call("POST", "/api/logout", bearer=session.access)
        return client.me(session.access)

    def guess(_client: Client) -> Reply:
        stranger = Client(server, address=next(addresses))
        body = {"email": f"stranger{time.monotonic_ns()}@example.com", "password": "wrong"}
        try:
            return stranger.call("POST", "/api/login", body=body)
        finally:
            stranger.close()

    return [
        *[Habit(call, pause=0.1)] * 4,
        *[Habit(call, pause=0.1, keeps_alive=False)] * 2,
        *[Habit(renews(session), pause=0.1) for session in refreshing],
        Habit(page, pause=0.1),
        Habit(come_and_go, pause=0.5, statuses=(401,)),
        Habit(guess, pause=0.2, statuses=(401,)),
    ]


def files(worker: psutil.Process, server: LiveServer) -> tuple[int, int]:
    """Return how many connections with clients a worker has, and how many other open files, the database's apart."""
    connections = worker.net_connections()
    clients = sum(item.laddr.port == server.port and item.status != psutil.CONN_LISTEN for item in connections)
    return clients, worker.num_fds() - clients - database_files(worker, server)


def database_files(worker: psutil.Process, server: LiveServer) -> int:
    if server.settings["DATABASE_URL"].startswith("sqlite"):
        return sum("evergreen.db" in file.path for file in worker.open_files())
    port = make_url(server.settings["DATABASE_URL"]).port
    return sum(bool(item.raddr) and item.raddr.port == port for item in worker.net_connections())


def at_rest(workers: list[psutil.Process], server: LiveServer) -> list[int]:
    """Wait until no client is connected; return the open files of each worker, the database's apart."""
    deadline = time.monotonic() + 20
    while any(files(worker, server)[0] for worker in workers):
        assert time.monotonic() < deadline, "connections of clients are left"
        time.sleep(0.1)
    return [files(worker, server)[1] for worker in workers]


def _growth(sizes: list[float]) -> float:
    """Return by how much the least of the later half exceeds that of the earlier one: a password's hash takes 19 MB
    and gives them back."""
    half = len(sizes) // 2
    return min(sizes[half:]) - min(sizes[:half])


def _slope(instants: list[float], sizes: list[float]) -> float:
    """Return by how much the least grows, in MB a second, from one of twenty stretches to the next."""
    length = max(1, len(sizes) // 20)
    starts = range(0, len(sizes) - length + 1, length)
    return linear_regression([instants[at] for at in starts], [min(sizes[at : at + length]) for at in starts]).slope


def test_a_worker_needs_no_more_after_many_requests_than_after_some(server: LiveServer, engine: str) -> None:
    """L18, and V04: what is remembered, counted and limited has its bounds."""
    workers = [psutil.Process(pid) for pid in server.worker_pids]
    people = habits(server)
    with traffic(server, people):
        time.sleep(WARMS_UP)
    with client_of_each_worker(server) as clients:
        for client in clients * 2:  # whomever the traffic has passed by: the first hashes take memory for good
            client.sign_in("body")
            client.call("GET", "/login")
    before = at_rest(workers, server)
    seen: list[tuple[float, list[float]]] = []
    begun = time.monotonic()
    with traffic(server, people) as going:
        while (elapsed := time.monotonic() - begun) < SECONDS:
            seen.append((elapsed, [worker.memory_info().rss / MB for worker in workers]))
            time.sleep(EVERY)
    instants, sizes = [at for at, _ in seen], [size for _, size in seen]
    grown = [_growth(list(of_worker)) for of_worker in zip(*sizes, strict=True)]
    per_second = [_slope(instants, list(of_worker)) for of_worker in zip(*sizes, strict=True)]
    print(
        f"L18: {engine}, {going.answered} requests in {SECONDS:.0f} s; RSS {[round(size) for size in seen[-1][1]]} MB, "
        f"{[round(60 * rate, 2) for rate in per_second]} MB a minute, {[round(more, 1) for more in grown]} MB from one "
        f"half to the other; "
        f"{[worker.num_threads() for worker in workers]} threads, "
        f"{[database_files(worker, server) for worker in workers]} files of the database"
    )
    assert not going.failures
    assert max(grown) < GROWTH
    assert at_rest(workers, server) == before
    assert set(server.worker_pids) == {worker.pid for worker in workers}, "no worker has died"
    for worker in workers:
        assert database_files(worker, server) <= (SQLITE_POOL * 3 if engine == "sqlite" else POOL_SIZE + READ_POOL_SIZE)
