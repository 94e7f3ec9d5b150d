"""Two hosts over one PostgreSQL: what happens on one holds on the other at the next request (V04, L20)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.faults.clients import TRANSPORTS, Client, Reply, Session, one_client
from tests.faults.crowds import Crowd, crowd
from tests.faults.postgresql_cluster import furnish
from tests.faults.servers import alarms, generation, kill_all, wait_for_workers
from tests.support import people
from tests.support.databases import close_connections, fresh_database, turn_for_a_crowd
from tests.support.live import LiveServer, serve
from tests.support.people import PASSWORD
from tests.support.settings import PUBLIC_URL, make_settings
from webapp import create_app

WORKERS = 2
CALLS = 100
CALLERS = 10
PARALLEL = 20
ROUNDS = 15
NEW_PASSWORD = "quite another 7 words"


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LiveServer]]:
    """Two masters with the same keys and a clock each, as on two machines."""
    with ExitStack() as stack:
        stack.enter_context(turn_for_a_crowd("postgresql"))
        folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
        furnish(url := fresh_database("postgresql", folders[0]))
        servers = []
        settings = {"workers": WORKERS, "public_url": PUBLIC_URL}
        for folder in folders:
            server = stack.enter_context(serve(folder, url, **settings))
            stack.callback(kill_all, server)
            servers.append(server)
        for server in servers:
            wait_for_workers(server, WORKERS)
        yield servers


@pytest.fixture(scope="module")
def running(hosts: list[LiveServer]) -> LiveServer:
    return hosts[0]


@pytest.fixture
def email(hosts: list[LiveServer], request: pytest.FixtureRequest) -> str:
    """The address of a user whom no other test knows."""
    address = f"{abs(hash(request.node.name))}@test.com"
    app = create_app(make_settings(database_url=hosts[0].settings["DATABASE_URL"]))
    people.create_user(app, address)
    with app.app_context():
        close_connections()
    return address


def sign_out(server: LiveServer, client: Client, session: Session, email: str) -> None:
    how = {"cookie": session.refresh} if session.transport == "cookie" else {"bearer": session.access}
    assert client.call("POST", "/api/logout", **how).status == 204


def end_from_the_device_list(server: LiveServer, client: Client, session: Session, email: str) -> None:
    other = client.sign_in("body", email=email)
    assert client.call("DELETE", f"/api/sessions/{session.sid}", bearer=other.access).status == 204


def change_the_password(server: LiveServer, client: Client, session: Session, email: str) -> None:
    other = client.sign_in("body", email=email)
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert client.call("POST", "/api/me/password", bearer=other.access, body=body).status == 204


def revoke_as_an_operator(server: LiveServer, client: Client, session: Session, email: str) -> None:
    server.flask("sessions", "revoke", session.sid)


def deactivate_as_an_operator(server: LiveServer, client: Client, session: Session, email: str) -> None:
    server.flask("users", "deactivate", email)


ENDS = (sign_out, end_from_the_device_list, change_the_password, revoke_as_an_operator, deactivate_as_an_operator)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_session_that_ended_on_one_host_opens_nothing_on_the_other(
    hosts: list[LiveServer], email: str, end: Callable[[LiveServer, Client, Session, str], None], transport: str
) -> None:
    """V04, L20: a hundred calls on the host that has served the session until now."""
    here, there = hosts
    with one_client(here) as client, crowd(there, CALLERS) as others:
        session = client.sign_in(transport, email=email)
        assert {reply.status for reply in _calls(others, session)} == {200}
        end(here, client, session, email)
        replies = _calls(others, session)
        replies.append(others.clients[0].refresh(transport, session.refresh))
    assert {(reply.status, reply.code) for reply in replies} == {(401, "session_ended")}
    print(f"V04 {end.__name__}, {transport}: {len(replies)} answers of the other host, 0 x 200")


def _calls(others: Crowd, session: Session) -> list[Reply]:
    return others.each(lambda client, access: client.me(access), [session.access] * CALLS)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_refreshes_at_once_on_both_hosts_get_equivalent_successors(hosts: list[LiveServer], transport: str) -> None:
    """L20, R05: rounds alternate between one token for all, and for each the successor it got itself."""
    with one_client(hosts[0]) as client, crowd(hosts, PARALLEL) as clients:
        session = client.sign_in(transport)
        tokens = [session.refresh] * PARALLEL
        for current in range(1, ROUNDS + 1):
            replies = clients.at_once(lambda client, token: client.refresh(transport, token), tokens)

            assert [reply.status for reply in replies] == [200] * PARALLEL
            assert {reply.gen for reply in replies} == {current + 1}
            assert generation(hosts[0], session.sid) == current, "a successor counts from its use on, not before"
            successors = [reply.successor or "" for reply in replies]
            tokens = successors if current % 2 else [successors[current]] * PARALLEL
        calls = clients.at_once(lambda client, reply: client.me(reply.access or ""), replies)
        assert {reply.status for reply in calls} == {200}
    assert alarms(hosts[0], session.sid) == 0
    print(f"L20 {transport}: {PARALLEL * ROUNDS} refreshes over two hosts, all 200, one generation a round, 0 alarms")


def test_a_host_whose_clock_differs_takes_the_other_s_tokens(hosts: list[LiveServer]) -> None:
    """L20: within the ten seconds that docs/operations.md allows; both hand tokens on to each other."""
    here, there = hosts
    with one_client(here) as client, one_client(there) as other:
        for ahead in (8, -8):
            there.move_clock(ahead)
            session = client.sign_in("body")
            assert other.me(session.access).status == 200
            second = other.refresh("body", session.refresh)
            assert second.status == 200
            third = client.refresh("body", second.successor or "")
            assert (third.status, third.gen) == (200, 3)
            assert client.me(second.access or "").status == 200
        there.move_clock(0)
