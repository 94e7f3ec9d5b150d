"""/metrics over real workers: whichever answers tells of all, and what was counted outlives who counted it."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.faults.clients import TRANSPORT_ERRORS, Client, client_of_each_worker, crowd
from tests.faults.servers import WORKERS, kill, start_again, wait_for_workers
from tests.support.live import LiveServer
from tests.support.people import EMAIL, PASSWORD
from tests.support.scraping import Samples, read, risen

# One engine is enough: no database takes part in the counting.
pytestmark = pytest.mark.parametrize("running", ["sqlite"], indirect=True, scope="module")

HOURS_23 = 23 * 3600
SECONDS = 6
COUNTED = (
    "http_requests_total",
    "http_request_duration_seconds_count",
    "sign_ins_total",
    "refreshes_total",
    "refresh_reuse_total",
    "password_hash_seconds_count",
)


def scrape(server: LiveServer) -> Samples:
    """Ask one of the workers, on a connection of its own."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    assert response.status == 200, text
    return read(text)


def counted(before: Samples, after: Samples) -> dict[str, Samples]:
    """Return what has been counted between two scrapes, without these themselves and the search for workers."""
    all_risen = {name: risen(before, after, f"evergreen_{name}") for name in COUNTED}
    return {
        name: {key: value for key, value in samples.items() if "/metrics" not in key and "/healthz" not in key}
        for name, samples in all_risen.items()
    }


def do_one_of_each(server: LiveServer, client: Client) -> None:
    """Sign in rightly and wrongly, refresh, be renewed, present a stolen token, ask for nothing."""
    session = client.sign_in("body")
    client.call("POST", "/api/login", body={"email": EMAIL, "password": "wrong"})
    second = client.refresh("body", session.refresh).successor or ""
    third = client.refresh("body", second).successor or ""
    server.move_clock(HOURS_23)
    assert client.me(session.access).renewed
    assert client.refresh("body", third).status == 200
    assert client.refresh("body", session.refresh).status == 401
    server.move_clock(0)
    assert client.call("GET", "/no/such/address").status == 404


def each_of_them(times: int) -> dict[str, Samples]:
    """Return what `do_one_of_each` makes the server count, so many times."""
    requests = {("POST", "/api/login", 200): 1, ("POST", "/api/login", 401): 1, ("POST", "/api/refresh", 200): 3,
                ("POST", "/api/refresh", 401): 1, ("GET", "/api/me", 200): 1, ("GET", "unmatched", 404): 1}  # fmt: skip
    once: dict[str, Samples] = {
        "http_requests_total": {
            f'{{method="{method}",route="{route}",status="{status}"}}': count
            for (method, route, status), count in requests.items()
        },
        "http_request_duration_seconds_count": {
            '{route="/api/login"}': 2, '{route="/api/refresh"}': 4, '{route="/api/me"}': 1, '{route="unmatched"}': 1,
        },
        "sign_ins_total": {
            '{method="password",outcome="success"}': 1, '{method="password",outcome="invalid_credentials"}': 1,
        },
        "refreshes_total": {'{method="manual"}': 3, '{method="silent"}': 1},
        "refresh_reuse_total": {"": 1},
        "password_hash_seconds_count": {"": 2},
    }  # fmt: skip
    return {name: {key: value * times for key, value in samples.items()} for name, samples in once.items()}


def folder_of(server: LiveServer) -> Path:
    """Return where the server's workers count."""
    [folder] = {Path(file.path).parent for pid in server.worker_pids for file in _open_counters(pid)}
    return folder


def _open_counters(pid: int) -> list[Any]:
    return [file for file in psutil.Process(pid).open_files() if Path(file.path).name.startswith("counter_worker")]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def reload(server: LiveServer) -> None:
    """SIGHUP; return when every worker is a new one."""
    old = set(server.worker_pids)
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: not old & set(server.worker_pids))
    wait_for_workers(server)


def test_whichever_worker_answers_tells_of_all_exactly(server: LiveServer) -> None:
    before = scrape(server)
    with client_of_each_worker(server) as clients:
        for client in clients:
            do_one_of_each(server, client)
    told = [counted(before, scrape(server)) for _ in range(10 * WORKERS)]  # the kernel deals them out
    assert told == [each_of_them(WORKERS)] * len(told)
    assert scrape(server)["evergreen_database_up"] == 1


def test_many_at_once_are_all_counted(server: LiveServer) -> None:
    before = scrape(server)
    with crowd(server, 50) as clients:
        replies = clients.each(lambda client, number: client.call("GET", f"/nope/{number}"), range(500))
    assert {reply.status for reply in replies} == {404}
    key = '{method="GET",route="unmatched",status="404"}'
    assert counted(before, scrape(server))["http_requests_total"] == {key: 500}


def test_what_was_counted_outlives_the_workers_that_are_killed(server: LiveServer) -> None:
    before = scrape(server)
    with client_of_each_worker(server) as clients:
        for client in clients:
            do_one_of_each(server, client)
    files = {file.name for file in folder_of(server).glob("*.db")}
    for pid in server.worker_pids:
        kill(pid)
        wait_for(lambda gone=pid: gone not in server.worker_pids)
        wait_for_workers(server)
    assert counted(before, scrape(server)) == each_of_them(WORKERS)
    with client_of_each_worker(server) as clients:
        for client in clients:
            do_one_of_each(server, client)
    assert counted(before, scrape(server)) == each_of_them(2 * WORKERS)
    # Each took the place of the one before it: however many die, there is no more to be added up.
    assert {file.name for file in folder_of(server).glob("*.db")} == files


def test_a_reload_forgets_nothing_and_many_leave_no_heap_of_files(server: LiveServer) -> None:
    before = scrape(server)
    with client_of_each_worker(server) as clients:
        do_one_of_each(server, clients[0])
    sizes = []
    for _ in range(3):
        reload(server)
        with client_of_each_worker(server):
            sizes.append(len(list(folder_of(server).glob("*.db"))))
    assert counted(before, scrape(server)) == each_of_them(1)
    assert sizes[2] <= 2 + 2 * 2 * WORKERS  # the master's two, and two a worker: old ones and new ones overlap


def test_scrapes_and_requests_at_once_while_workers_start_and_die(server: LiveServer) -> None:
    """No 500, and nothing that was told is taken back: Prometheus would take it for a restart."""
    key = 'evergreen_http_requests_total{method="GET",route="unmatched",status="404"}'
    statuses: set[int] = set()
    ends_at = time.monotonic() + SECONDS

    def go_on(client: Client, number: int) -> None:
        latest = 0.0
        while time.monotonic() < ends_at:
            with suppress(*TRANSPORT_ERRORS):  # of workers that were killed
                if number == 0:
                    kill(server.worker_pids[0])
                    time.sleep(0.3)
                elif number % 2:
                    shown = scrape(server)
                    assert shown[key] >= latest
                    latest = shown[key]
                else:
                    statuses.add(client.call("GET", f"/nope/{number}").status)

    with crowd(server, 51) as clients:
        clients.clients[1].call("GET", "/nope")
        clients.at_once(go_on, range(51))
    wait_for_workers(server)
    assert statuses == {404}


def test_a_file_that_a_worker_has_just_made_and_not_begun_is_no_error(server: LiveServer) -> None:
    with client_of_each_worker(server):
        file = folder_of(server) / "counter_worker99.db"
    file.touch()
    try:
        assert scrape(server)["evergreen_database_up"] == 1
    finally:
        file.unlink()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_folder_goes_with_the_server_and_is_its_owners_alone(server: LiveServer, how: signal.Signals) -> None:
    with client_of_each_worker(server):
        folder = folder_of(server)
    assert folder.stat().st_mode & 0o777 == 0o700
    kill(server.worker_pids[0])  # a worker's end is not the server's
    wait_for_workers(server)
    assert folder.exists()
    server.stop(how)
    assert not folder.exists()
    start_again(server)
    assert scrape(server)['evergreen_sign_ins_total{method="password",outcome="success"}'] == 0


def test_an_operator_may_say_where_and_what_is_left_there_is_forgotten(server: LiveServer, tmp_path: Path) -> None:
    server.stop()
    folder = tmp_path / "metrics"
    server.settings["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    try:
        start_again(server)
        with client_of_each_worker(server) as clients:
            for client in clients:
                client.call("POST", "/api/login", body={"email": EMAIL, "password": PASSWORD})
        assert folder_of(server) == folder
        signed_in = 'evergreen_sign_ins_total{method="password",outcome="success"}'
        assert scrape(server)[signed_in] == WORKERS
        reload(server)
        assert scrape(server)[signed_in] == WORKERS
        server.stop()
        assert folder.exists()
        start_again(server)
        assert scrape(server)[signed_in] == 0
    finally:
        del server.settings["PROMETHEUS_MULTIPROC_DIR"]
        server.stop()
        start_again(server)
