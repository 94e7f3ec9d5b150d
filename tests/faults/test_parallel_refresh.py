"""Many refreshes at once: no lock, no fork, no loser (R05, R06)."""

import time

import pytest

from tests.faults.clients import TRANSPORTS, Client, Reply, chance
from tests.faults.crowds import crowd
from tests.faults.servers import generation
from tests.support import forge
from tests.support.live import LiveServer

PARALLEL = 40
ROUNDS = {"cookie": 30, "body": 10}
TAB_ROUNDS = 50
HOUR = 3600


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_forty_refreshes_at_once_get_equivalent_successors(server: LiveServer, client: Client, transport: str) -> None:
    """Rounds alternate: forty times one token, then each with the successor it got itself."""
    session = client.sign_in(transport)
    tokens = [session.refresh] * PARALLEL
    begun = time.monotonic()
    with crowd(server, PARALLEL) as clients:
        for current in range(1, ROUNDS[transport] + 1):
            replies = clients.at_once(lambda client, token: client.refresh(transport, token), tokens)

            assert [reply.status for reply in replies] == [200] * PARALLEL
            successors = [reply.successor or "" for reply in replies]
            assert {forge.read(successor)["gen"] for successor in successors} == {current + 1}
            assert generation(server, session.sid) == current, "a successor counts from its use on, not before"
            tokens = successors if current % 2 else [chance(current).choice(successors)] * PARALLEL
        took = time.monotonic() - begun
        assert {reply.status for reply in clients.at_once(_me, [reply.access for reply in replies])} == {200}

    server.move_clock(HOUR)
    for token in dict.fromkeys(tokens):
        assert client.refresh(transport, token).status == 200
    count = PARALLEL * ROUNDS[transport]
    print(f"R05 {transport}: {count} refreshes, {count} x 200, one generation a round, {count / took:.0f}/s")


def _me(client: Client, access: str | None) -> Reply:
    return client.me(access or "")


class Jar:
    """The cookie jar that the tabs of one browser share."""

    def __init__(self, cookie: str) -> None:
        self.cookie = cookie

    def take(self, reply: Reply) -> None:
        if reply.cookie is not None:
            self.cookie = reply.cookie


def test_two_tabs_that_share_a_cookie_jar_are_never_signed_out(server: LiveServer, client: Client) -> None:
    """Each tab also uses its new access token, which confirms the generation under the other tab's feet."""
    dice = chance("tabs")
    jar = Jar(client.sign_in("cookie").refresh)
    seen: list[int] = []

    def tab(client: Client, delay: float) -> None:
        time.sleep(delay)
        reply = client.refresh("cookie", jar.cookie)
        jar.take(reply)
        seen.append(reply.status)
        seen.append(client.me(reply.access or "").status)

    with crowd(server, 2) as tabs:
        for _ in range(TAB_ROUNDS):
            tabs.at_once(tab, [dice.uniform(0, 0.05), dice.uniform(0, 0.05)])
            assert set(seen) == {200}
            assert jar.cookie

    for hours in (1, 2, 3):
        server.move_clock(hours * HOUR)
        reply = client.refresh("cookie", jar.cookie)
        assert reply.status == 200
        jar.take(reply)
    print(f"R06: {len(seen)} answers to two tabs in {TAB_ROUNDS} rounds, all 200")
