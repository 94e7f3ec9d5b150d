"""/metrics over real workers: whichever answers tells of all, and what was counted outlives who counted it."""

import time
from contextlib import suppress

import pytest

from tests.faults.clients import TRANSPORT_ERRORS, Client
from tests.faults.counting import counted, do_one_of_each, each_of_them, folder_of, scrape
from tests.faults.crowds import client_of_each_worker, crowd
from tests.faults.servers import WORKERS, kill, reload, wait_for_workers
from tests.support.live import LiveServer
from tests.support.waiting import wait_until

# One engine is enough: no database takes part in the counting.
pytestmark = pytest.mark.parametrize("running", ["sqlite"], indirect=True, scope="module")
HASHES_IN_EARNEST = True  # each is counted
SECONDS = 6


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
        wait_until(lambda gone=pid: gone not in server.worker_pids, "it stays", within=30)
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
        wait_for_workers(server)
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
