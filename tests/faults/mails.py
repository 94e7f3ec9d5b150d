"""A server that has mails to send: how it is served, made to send, and what its outbox holds."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.faults.clients import Client
from tests.faults.servers import kill_all, rows, wait_for_workers
from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.live import LiveServer, serve
from tests.support.settings import PUBLIC_URL, make_settings
from tests.support.waiting import wait_until
from webapp import create_app, outbox
from webapp.config import Settings

PASSWORD = "correct horse battery staple"
PAUSE = outbox.LONGEST_PAUSE.total_seconds() + 1
_numbers = count(1)


def new_address(what: str) -> str:
    """Return an address that no other test has."""
    return f"{what}-{next(_numbers)}@example.com"


@contextmanager
def prepared_database(kind: str, folder: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as environment:
        for name in Settings.model_fields:
            environment.delenv(name.upper(), raising=False)
        url = fresh_database(kind, folder)
        app = create_app(make_settings(database_url=url))
        people.create_user(app)
        with app.app_context():
            close_connections()
        yield url


@contextmanager
def served(folder: Path, url: str, mail_url: str, *, workers: int = 2, **settings: Any) -> Iterator[LiveServer]:
    folder.mkdir(exist_ok=True)
    with serve(folder, url, workers=workers, public_url=PUBLIC_URL, mail_url=mail_url, **settings) as server:
        wait_for_workers(server, workers)
        try:
            yield server
        finally:
            kill_all(server)  # nothing is left to drain


def ready(server: LiveServer) -> LiveServer:
    server.move_clock(0)
    rows(server, "DELETE FROM outbox_mails")
    return server


def ask(client: Client, path: str, **body: str) -> float:
    """Ask for something that mails; return how many seconds the answer took."""
    began = time.monotonic()
    reply = client.call("POST", path, body=body)
    assert reply.status == 202, reply
    return time.monotonic() - began


def register(client: Client, address: str) -> float:
    return ask(client, "/api/register", email=address, password=PASSWORD)


def wake(client: Client) -> str:
    """Let a postman look at once, which a new mail does; return the address that it goes to."""
    register(client, address := new_address("wake"))
    return address


def waiting(server: LiveServer) -> list[tuple[int, str, bool]]:
    """What is in the outbox: attempts, last error, whether it is given up; the oldest first."""
    found = rows(server, "SELECT attempts, last_error, failed_at FROM outbox_mails ORDER BY id")
    return [(attempts, error, failed_at is not None) for attempts, error, failed_at in found]


def all_have_failed(server: LiveServer, how_many: int) -> bool:
    found = waiting(server)
    return len(found) == how_many and all(error for _, error, _ in found)


def wait_until_empty(server: LiveServer) -> None:
    wait_until(lambda: not waiting(server), "the outbox is not empty")
