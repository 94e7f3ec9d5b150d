"""One live server with four workers a test file and database: starting one for every test would take minutes."""

from collections.abc import Iterator

import pytest

from tests.faults.accounts import Accounts
from tests.faults.clients import Client, one_client
from tests.faults.servers import WORKERS, wait_for_workers
from tests.support import people
from tests.support.databases import turn_for_a_crowd
from tests.support.live import CLOCKED, LiveServer, serve
from tests.support.settings import PUBLIC_URL


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The product over a fresh database with John Doe in it; a module's APPLICATION may name another WSGI module, and
    its HASHES_IN_EARNEST says that it is about sign-ins that wait for their hash."""
    folder = tmp_path_factory.mktemp(request.param)
    application = getattr(request.module, "APPLICATION", CLOCKED)
    url = people.database_with_john(folder, request.param)
    # The public address is part of every token: it stays, whatever the port.
    settings = {"public_url": PUBLIC_URL, "test_gates": folder}
    settings["hashes_in_earnest"] = getattr(request.module, "HASHES_IN_EARNEST", False)
    with turn_for_a_crowd(request.param), serve(folder, url, application, workers=WORKERS, **settings) as server:
        wait_for_workers(server)
        yield server


@pytest.fixture
def server(running: LiveServer) -> LiveServer:
    """The module's server, with its clock at the present."""
    running.move_clock(0)
    return running


@pytest.fixture
def client(server: LiveServer) -> Iterator[Client]:
    with one_client(server) as client:
        yield client


@pytest.fixture
def accounts(server: LiveServer) -> Iterator[Accounts]:
    """Users in the database of the server, made past it."""
    made = Accounts(server)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _no_unexpected_errors(server: LiveServer) -> Iterator[None]:
    """Whatever a test does to the server, nothing may happen there that it has no answer for."""
    yield
    assert "unexpected error" not in server.log, server.log[-4000:]
