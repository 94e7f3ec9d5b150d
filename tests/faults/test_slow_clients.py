"""Clients that send a byte a second, do not read, or do not hang up: everybody else is served (L19)."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from tests.faults.clients import TIMEOUT, Client, Reply, one_client
from tests.faults.proxies import nginx
from tests.faults.servers import kill_all, start_again, wait_for_workers
from tests.faults.traffic import Habit, traffic
from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.live import LiveServer, serve
from tests.support.settings import PUBLIC_URL, make_settings
from webapp import create_app

WORKERS = 2
THREADS = 64  # of a worker, see gunicorn.conf.py
SLOW, DEAF, LINGERING = 200, 50, 100
REQUESTS = 150
LIMIT = 10  # seconds until a client gives up
IMPATIENT = "tests.faults.impatient:app"
HEAD = b"Host: localhost\r\n"
SLOW_REQUEST = b"GET /healthz HTTP/1.1\r\n" + HEAD + b"X-Slow: " + b"a" * 4000
# Nine answers of 1.5 MB: more than the buffers of both ends hold.
BIG_REQUESTS = (b"GET /static/v-any/swagger-ui/swagger-ui-bundle.js HTTP/1.1\r\n" + HEAD + b"\r\n") * 9
DOWNLOAD = b"GET /long HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n"
LAST_REQUEST = b"GET /healthz HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    url = fresh_database("sqlite", tmp_path)
    app = create_app(make_settings(database_url=url))
    people.create_user(app)
    with app.app_context():
        close_connections()
    with serve(tmp_path, url, workers=WORKERS, public_url=PUBLIC_URL) as server:
        wait_for_workers(server, WORKERS)
        yield server
        kill_all(server)  # whom it would wait for are slow


def open_sockets(port: int, count: int, *, sends: bytes) -> list[socket.socket]:
    clients = []
    for _ in range(count):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(10)
        client.connect(("127.0.0.1", port))
        client.sendall(sends)
        clients.append(client)
    return clients


@contextmanager
def slow_clients(port: int, *, slow: int = 0, deaf: int = 0, lingering: int = 0) -> Iterator[None]:
    """Clients that send a byte a second, that never read, and that stay after their last answer."""
    dripping = open_sockets(port, slow, sends=SLOW_REQUEST[:1])
    others = open_sockets(port, deaf, sends=BIG_REQUESTS) + open_sockets(port, lingering, sends=LAST_REQUEST)
    ended = Event()

    def drip() -> None:
        for index in range(1, len(SLOW_REQUEST)):
            if ended.wait(1):
                return
            for client in dripping:
                try:
                    client.send(SLOW_REQUEST[index : index + 1])
                except OSError:
                    continue  # the server has had enough of it

    thread = Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for client in dripping + others:
            client.close()


def assert_others_are_served(server: LiveServer, what: str, *, within: float = LIMIT) -> None:
    """Somebody signs in, and eight others ask for this and that; none waits longer than `within` seconds."""
    begun = time.monotonic()
    with one_client(server) as client:
        session = client.sign_in("body")
    longest = time.monotonic() - begun

    def timed(act: Callable[[Client], Reply]) -> Callable[[Client], Reply]:
        def acts(client: Client) -> Reply:
            nonlocal longest
            begun = time.monotonic()
            try:
                return act(client)
            finally:
                longest = max(longest, time.monotonic() - begun)

        return acts

    acts = [timed(lambda client: client.call("GET", "/healthz")), timed(lambda client: client.me(session.access))]
    habits = [Habit(act, keeps_alive=keeps_alive) for act in acts for keeps_alive in (False, True)] * 2
    with traffic(server, habits) as going:
        going.wait_for(REQUESTS)
    print(f"L19: {what}: {going.answered} others answered, {going.failures.total()} not; {longest:.2f} s at most")
    assert not going.failures
    assert longest < within, "clients give up"


def test_who_does_not_hang_up_after_the_last_answer_keeps_nobody_waiting(server: LiveServer) -> None:
    """L19: gunicorn alone waits two seconds for each, one after the other, and serves nobody else meanwhile."""
    with slow_clients(server.port, lingering=LINGERING):
        assert_others_are_served(server, f"{LINGERING} clients that do not hang up")


def test_fewer_slow_clients_than_threads_keep_nobody_waiting(server: LiveServer) -> None:
    """L19: without a proxy."""
    with slow_clients(server.port, slow=THREADS // 2, deaf=THREADS // 4):
        assert_others_are_served(server, f"{THREADS // 2} slow and {THREADS // 4} deaf clients")


@pytest.mark.parametrize(("kind", "is_slow"), [("slow", True), ("deaf", False)])
def test_a_server_whose_threads_are_all_taken_frees_itself(server: LiveServer, kind: str, is_slow: bool) -> None:
    """L19: each of them is cut off; in the product after 20 seconds for its headers, 120 for the rest."""
    kill_all(server)
    server.settings["WEB_CONCURRENCY"] = "1"
    start_again(server, IMPATIENT, workers=1)
    count = THREADS + 40
    with slow_clients(server.port, slow=count * is_slow, deaf=count * (not is_slow)):
        assert_others_are_served(server, f"{count} {kind} clients, cut off after 4 s", within=TIMEOUT)
        wait_until_no_thread_is_taken(server)


def wait_until_no_thread_is_taken(server: LiveServer) -> None:
    deadline = time.monotonic() + 40
    while any(_connections(pid, server.port) for pid in server.worker_pids):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _connections(pid: int, port: int) -> int:
    return sum(
        item.status == psutil.CONN_ESTABLISHED and item.laddr.port == port
        for item in psutil.Process(pid).net_connections()
    )


def test_a_long_download_goes_on_while_its_client_takes_it(server: LiveServer) -> None:
    """Three times as long as a client has that does not read, or takes 4 kB a second."""
    kill_all(server)
    server.settings["WEB_CONCURRENCY"] = "1"
    start_again(server, IMPATIENT, workers=1)
    [trickling] = open_sockets(server.port, 1, sends=DOWNLOAD)
    begun, taken = time.monotonic(), 0
    with trickling, socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT) as client:
        client.sendall(DOWNLOAD)
        while piece := client.recv(65_536):
            taken += len(piece)
            trickling.recv(200)
            time.sleep(0.05)
        assert taken > 16 * 1024**2
        assert time.monotonic() - begun > 3 * 4
        assert not any(_connections(pid, server.port) for pid in server.worker_pids), "a trickle keeps a thread"


def test_behind_nginx_two_hundred_slow_clients_are_not_noticed(server: LiveServer, tmp_path: Path) -> None:
    """L19: by the documented configuration."""
    (tmp_path / "second").mkdir()
    with (
        serve(tmp_path / "second", server.settings["DATABASE_URL"], public_url=PUBLIC_URL) as second,
        nginx(tmp_path / "nginx", [server, second]) as port,
        slow_clients(port, slow=SLOW, deaf=DEAF, lingering=LINGERING),
    ):
        assert_others_are_served(replace(server, port=port), f"{SLOW} slow, {DEAF} deaf, {LINGERING} that stay; nginx")
