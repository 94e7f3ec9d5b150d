"""The folder in which workers count for /metrics: whose it is, how long it lives, and what may lie in it."""

import signal
from pathlib import Path

import pytest

from tests.faults.counting import folder_of, scrape
from tests.faults.crowds import client_of_each_worker
from tests.faults.servers import WORKERS, kill, reload, start_again, wait_for_workers
from tests.support.forked import Program
from tests.support.live import STARTS_WITHIN, LiveServer, free_port
from tests.support.people import EMAIL, PASSWORD

# One engine is enough: no database takes part in the counting.
pytestmark = pytest.mark.parametrize("running", ["sqlite"], indirect=True, scope="module")


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


def test_a_folder_that_cannot_be_made_stops_the_start_in_one_line(server: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    log = tmp_path / "log"
    settings = server.settings | {"PROMETHEUS_MULTIPROC_DIR": f"{tmp_path}/file/metrics", "PORT": str(free_port())}
    assert Program("gunicorn", "wsgi:app", env=settings, log=log).wait(STARTS_WITHIN) == 1
    [line] = log.read_text().splitlines()
    assert line.startswith("Evergreen cannot start: ")
    assert "PROMETHEUS_MULTIPROC_DIR" in line


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
        wait_for_workers(server)
        assert scrape(server)[signed_in] == WORKERS
        server.stop()
        assert folder.exists()
        start_again(server)
        assert scrape(server)[signed_in] == 0
    finally:
        del server.settings["PROMETHEUS_MULTIPROC_DIR"]
        server.stop()
        start_again(server)
