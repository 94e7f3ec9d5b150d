"""Reloads, workers that end, servers that stop: no request is lost under load (L14)."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.faults.clients import Client, Reply, one_client
from tests.faults.proxies import listens, nginx
from tests.faults.servers import reload, start_again, wait_for_workers
from tests.faults.traffic import Habit, Traffic, refreshes, traffic
from tests.support import people
from tests.support.live import CLOCKED, LiveServer, serve
from tests.support.settings import PUBLIC_URL
from tests.support.waiting import wait_until
from webapp.config import ROOT

WORKERS = 2
REQUESTS = 300  # between two acts
PATIENCE = 30  # seconds


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with John Doe in it; which engine it is has no part in this."""
    return people.database_with_john(tmp_path)


@pytest.fixture
def server(tmp_path: Path, url: str, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    options = getattr(request, "param", "")
    with serve(tmp_path, url, workers=WORKERS, public_url=PUBLIC_URL, gunicorn_cmd_args=options) as server:
        wait_for_workers(server, WORKERS)
        yield server


@contextmanager
def everybody(server: LiveServer) -> Iterator[Traffic]:
    """Callers that keep their connection, that open one for each request, that pause; and some that refresh."""
    with one_client(server) as client:
        sessions = [client.sign_in("body") for _ in range(4)]

    def call(client: Client) -> Reply:
        return client.me(sessions[0].access)

    habits = [
        *[Habit(call)] * 8,
        *[Habit(call, keeps_alive=False)] * 8,
        *[Habit(call, pause=1.3)] * 4,
        *[Habit(refreshes(session), keeps_alive=bool(number % 2)) for number, session in enumerate(sessions)],
    ]
    with traffic(server, habits) as going:
        going.wait_for(REQUESTS)
        yield going
        going.wait_for(REQUESTS)


def report(what: str, going: Traffic) -> None:
    print(f"L14: {what}: {going.failures.total()} of {going.answered} requests failed")
    assert not going.failures, f"{what}: {going.failures}"


def test_two_reloads_lose_no_request(server: LiveServer) -> None:
    """L14: SIGHUP."""
    with everybody(server) as going:
        for _ in range(2):
            reload(server)
            going.wait_for(REQUESTS)
    report("two reloads", going)


@pytest.mark.parametrize("server", ["--max-requests 150 --max-requests-jitter 50"], indirect=True)
def test_workers_that_end_after_so_many_requests_or_are_told_to_lose_none(server: LiveServer) -> None:
    """L14: gunicorn issue 3038, and SIGTERM to one worker."""
    seen: set[int] = set()
    with everybody(server) as going:

        def many_have_been() -> bool:
            seen.update(server.worker_pids)
            return len(seen) >= 3 * WORKERS

        wait_until(many_have_been, "no new workers come", within=PATIENCE)
        youngest = max(psutil.Process(server.process.pid).children(), key=psutil.Process.create_time)
        youngest.terminate()  # which is not at its own end
    report(f"{len(seen)} workers after each other", going)


def test_a_request_in_flight_is_answered_while_the_door_is_shut_already(server: LiveServer) -> None:
    """L14: SIGTERM; whoever comes now is refused at once, and may go to another server."""
    content = json.dumps({"email": people.EMAIL, "password": people.PASSWORD, "transport": "body"}).encode()
    head = "POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as begun:
        begun.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content[:10])
        with one_client(server) as client:
            assert client.call("GET", "/healthz").status == 200  # and so the worker has got the other, too
        server.process.terminate()
        wait_until(lambda: not listens(server.port), "it listens still", within=PATIENCE)
        begun.sendall(content[10:])
        answer = b"".join(iter(lambda: begun.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    assert server.process.wait(PATIENCE) == 0


def test_a_second_server_by_sigusr2_is_refused_and_leaves_the_first_alone(server: LiveServer, tmp_path: Path) -> None:
    """It is started with the environment of the first one, counters and all."""
    counters = tmp_path / "counters.db"
    counters.touch()
    handed_on = {"GUNICORN_PID": str(server.process.pid), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command, environment = [sys.executable, "-m", "gunicorn", CLOCKED], server.settings | handed_on
    second = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert "does not follow SIGUSR2" in second.stderr
    assert counters.exists()


def test_one_server_after_the_other_behind_nginx_loses_no_request(server: LiveServer, url: str, tmp_path: Path) -> None:
    """L14: a rolling restart by the documented configuration. nginx sends no POST again that a server may have had."""
    (tmp_path / "second").mkdir()
    with (
        serve(tmp_path / "second", url, workers=WORKERS, public_url=PUBLIC_URL) as second,
        nginx(tmp_path / "nginx", [server, second]) as port,
        everybody(replace(server, port=port)) as going,
    ):
        for each in (server, second):
            each.stop()
            going.wait_for(REQUESTS)
            start_again(each, workers=WORKERS)
    report("a rolling restart", going)
