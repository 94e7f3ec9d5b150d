"""Workers that were forked share neither chance nor connections, whether the product was imported before or after."""

from collections.abc import Iterator

import psutil
import pytest

from tests.faults.crowds import client_of_each_worker, crowd
from tests.faults.postgresql_cluster import furnish
from tests.faults.servers import WORKERS, kill_all, wait_for_workers
from tests.support import forge
from tests.support.databases import fresh_database, turn_for_a_crowd
from tests.support.live import LiveServer, serve
from tests.support.settings import PUBLIC_URL

EACH = 100
SIGN_INS = 8
CALLERS = 24


@pytest.fixture(scope="module", params=[True, False], ids=["preload", "no-preload"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("forked")
    furnish(url := fresh_database("postgresql", folder))
    options = {"workers": WORKERS, "preload": request.param, "public_url": PUBLIC_URL}
    with turn_for_a_crowd("postgresql"), serve(folder, url, **options) as server:
        wait_for_workers(server)
        try:
            yield server
        finally:
            kill_all(server)


def test_tokens_and_sessions_of_all_workers_have_ids_of_their_own(server: LiveServer) -> None:
    """L21, O09: workers that went on from one state of a generator would give out the same ids."""
    with client_of_each_worker(server) as clients:
        sessions = [client.sign_in("body") for client in clients for _ in range(SIGN_INS)]
        first = sessions[0]
        replies = [client.refresh("body", first.refresh) for client in clients for _ in range(EACH)]
    assert {reply.status for reply in replies} == {200}
    assert len({session.sid for session in sessions}) == WORKERS * SIGN_INS
    pairs = [*((session.access, session.refresh) for session in sessions), *((r.access, r.successor) for r in replies)]
    ids = [forge.read(token or "")["jti"] for pair in pairs for token in pair]
    assert len(set(ids)) == len(ids) == 2 * WORKERS * (EACH + SIGN_INS)
    print(f"O09: {len(ids)} tokens of {WORKERS} workers, {len(sessions)} sessions, 0 ids twice")


def test_each_worker_has_connections_of_its_own_and_the_master_none(server: LiveServer) -> None:
    """L21: two processes that talk over one connection read each other's answers."""
    with client_of_each_worker(server) as clients, crowd(server, CALLERS) as callers:
        session = clients[0].sign_in("body")
        assert {client.me(session.access).status for client in clients} == {200}
        replies = callers.each(lambda client, access: client.me(access), [session.access] * (10 * CALLERS))
        assert {reply.status for reply in replies} == {200}
        assert {reply.body["email"] for reply in replies} == {"test@test.com"}
        ports = [_connections(pid) for pid in server.worker_pids]
        assert all(ports)
        assert len(set().union(*ports)) == sum(map(len, ports))
        assert _connections(server.process.pid) == set()
    assert "Traceback" not in server.log


def _connections(pid: int) -> set[int]:
    """The local ports of a process's connections to PostgreSQL."""
    found = psutil.Process(pid).net_connections()
    return {item.laddr.port for item in found if item.raddr and item.raddr.port == 5432}
