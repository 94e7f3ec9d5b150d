"""A server of each file's own that sends its mail to a port at which each test opens what it is about."""

from collections.abc import Iterator

import pytest

from tests.faults.mails import prepared_database, ready, served
from tests.faults.servers import WORKERS
from tests.support.live import LiveServer, free_port


@pytest.fixture(scope="module")
def smtp_port() -> int:
    """Where the server sends its mail; each test opens there what it is about."""
    return free_port()


@pytest.fixture(scope="module")
def running(smtp_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder, mail_url = tmp_path_factory.mktemp("mail"), f"smtp://127.0.0.1:{smtp_port}"
    with prepared_database("sqlite", folder) as url, served(folder, url, mail_url, workers=WORKERS) as server:
        yield server


@pytest.fixture
def server(running: LiveServer) -> LiveServer:
    """The module's server, with its clock at the present and an empty outbox."""
    return ready(running)
