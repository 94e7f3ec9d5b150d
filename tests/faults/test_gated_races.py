"""Races with a chosen outcome: a request is stopped at a point, something happens, the request goes on (N04, R12)."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import count

import pytest

from tests.faults.accounts import Accounts
from tests.faults.clients import TRANSPORTS, Client, Reply, Session, one_client
from tests.faults.ends import change_password, deactivate
from tests.faults.servers import GATED, alarms, generation
from tests.support.forge import forge
from tests.support.live import LiveServer

APPLICATION = GATED
LEEWAY = 31  # seconds, and the one after
_numbers = count(1)


@contextmanager
def stopped(server: LiveServer, act: Callable[[Client, str], Reply], point: str) -> Iterator[Future[Reply]]:
    """Run the block while the request that `act` makes is stopped at `point`; its reply is there after the block."""
    name = f"gate{next(_numbers)}"
    with one_client(server) as client, ThreadPoolExecutor(1) as thread:
        reply = thread.submit(act, client, f"{point} {name}")
        try:
            deadline = time.monotonic() + 10
            while not (server.folder / f"{name}.reached").exists():
                assert not reply.done(), f"the request never came to {point}: {reply.result()}"
                assert time.monotonic() < deadline
                time.sleep(0.002)
            yield reply
        finally:
            (server.folder / f"{name}.open").touch()
        reply.result(20)


def near_its_end(access: str) -> str:
    """The same access token with one hour left, for which an answer brings X-New-Token."""
    return forge(access, exp=int(time.time()) + 3600)


def sign_out(client: Client, session: Session) -> None:
    assert client.call("POST", "/api/logout", bearer=session.access).status == 204


def opens_nothing(client: Client, transport: str, reply: Reply) -> None:
    """Every token that the answer brought is refused."""
    for access in filter(None, (reply.access, reply.renewed)):
        assert client.me(access).code == "session_ended"
    if reply.successor:
        assert client.refresh(transport, reply.successor).code == "session_ended"


def test_a_token_renewed_beside_a_sign_out_is_dead_on_arrival(server: LiveServer, client: Client) -> None:
    """N04: the view is at work while the session ends; the answer may bring a new token, which opens nothing."""
    session = client.sign_in("body")
    access = near_its_end(session.access)
    with stopped(server, lambda client, gate: client.me(access, gate=gate), "view") as reply:
        sign_out(client, session)

    assert reply.result().status == 200
    print(f"N04: signed out during the request: X-New-Token came {'along' if reply.result().renewed else 'not'}")
    opens_nothing(client, "body", reply.result())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_pair_minted_beside_a_sign_out_is_dead_on_arrival(server: LiveServer, client: Client, transport: str) -> None:
    """R12: the refresh has read a live row, then the session ends, then the tokens are minted."""
    session = client.sign_in(transport)

    def refresh(client: Client, gate: str) -> Reply:
        return client.refresh(transport, session.refresh, gate=gate)

    with stopped(server, refresh, "read") as reply:
        sign_out(client, session)

    opens_nothing(client, transport, reply.result())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_sign_out_before_the_confirmation_wins(server: LiveServer, client: Client, transport: str) -> None:
    """R12: the successor comes back, and the session ends before the row has moved on: nothing is handed out."""
    session = client.sign_in(transport)
    successor = client.refresh(transport, session.refresh).successor or ""

    def refresh(client: Client, gate: str) -> Reply:
        return client.refresh(transport, successor, gate=gate)

    with stopped(server, refresh, "confirm") as reply:
        sign_out(client, session)

    assert (reply.result().status, reply.result().code) == (401, "session_ended")
    assert generation(server, session.sid) == 1, "the row of a dead session does not move"


@pytest.mark.parametrize("point", ["read", "confirm"])
@pytest.mark.parametrize("event", [change_password, deactivate])
def test_what_ends_the_session_from_elsewhere_before_the_confirmation_wins(
    server: LiveServer, client: Client, accounts: Accounts, event: Callable[..., None], point: str
) -> None:
    """R13: as a sign-out does."""
    person = accounts.create()
    other, session = (client.sign_in("body", email=person.email) for _ in range(2))
    successor = client.refresh("body", session.refresh).successor or ""
    with stopped(server, lambda client, gate: client.refresh("body", successor, gate=gate), point) as reply:
        event(client, accounts, person, other.access)

    assert (reply.result().status, reply.result().code) == (401, "session_ended")
    assert generation(server, session.sid) == 1
    assert client.refresh("body", successor).code == "session_ended"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_sign_out_before_an_access_token_confirms_wins(server: LiveServer, client: Client, transport: str) -> None:
    session = client.sign_in(transport)
    access = client.refresh(transport, session.refresh).access or ""
    with stopped(server, lambda client, gate: client.me(access, gate=gate), "confirm") as reply:
        sign_out(client, session)

    assert (reply.result().status, reply.result().code) == (401, "session_ended")
    assert generation(server, session.sid) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_generation_never_goes_back(server: LiveServer, client: Client, transport: str) -> None:
    """A confirmation that comes late finds the row two generations on, leaves it there and hands out no successor."""
    session = client.sign_in(transport)
    second = client.refresh(transport, session.refresh).successor or ""

    def refresh(client: Client, gate: str) -> Reply:
        return client.refresh(transport, second, gate=gate)

    with stopped(server, refresh, "confirm") as reply:
        third = client.refresh(transport, second).successor or ""
        fourth = client.refresh(transport, third).successor or ""

    assert reply.result().status == 200
    assert reply.result().cookie is None
    assert reply.result().gen == (None if transport == "cookie" else 3)
    assert generation(server, session.sid) == 3
    assert client.refresh(transport, fourth).status == 200
    server.move_clock(LEEWAY)
    assert client.refresh(transport, second).code == "token_reused"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_theft_before_the_confirmation_wins(server: LiveServer, client: Client, transport: str) -> None:
    """R11: the family ends for reuse while its head is being confirmed; the head does not slip through."""
    session = client.sign_in(transport)
    second = client.refresh(transport, session.refresh).successor or ""
    third = client.refresh(transport, second).successor or ""

    def refresh(client: Client, gate: str) -> Reply:
        return client.refresh(transport, third, gate=gate)

    with stopped(server, refresh, "confirm") as reply:
        server.move_clock(LEEWAY)
        assert client.refresh(transport, session.refresh).code == "token_reused"

    assert (reply.result().status, reply.result().code) == (401, "session_ended")
    assert generation(server, session.sid) == 2


@pytest.mark.parametrize("ended", ["live", "signed out"])
def test_two_replays_at_once_raise_one_alarm(server: LiveServer, client: Client, ended: str) -> None:
    """The second replay comes when the first has seen that there is no alarm yet; it may have to wait for the first."""
    session = client.sign_in("body")
    second = client.refresh("body", session.refresh).successor or ""
    third = client.refresh("body", second).successor or ""
    assert client.refresh("body", third).status == 200
    if ended == "signed out":
        sign_out(client, session)

    def replay(client: Client, gate: str | None) -> Reply:
        return client.refresh("body", session.refresh, gate=gate)

    with ThreadPoolExecutor(1) as thread:
        with stopped(server, replay, "event") as first:
            other = thread.submit(replay, client, None)
            wait([other], timeout=1)
        assert [first.result().code, other.result().code] == ["token_reused", "token_reused"]

    assert alarms(server, session.sid) == 1
