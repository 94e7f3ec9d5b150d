"""What live workers count: how it is made to rise, where it is kept, and what /metrics says of it."""

from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

from tests.faults.clients import Client
from tests.support.live import LiveServer
from tests.support.people import EMAIL
from tests.support.scraping import Samples, read, risen

HOURS_23 = 23 * 3600
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
