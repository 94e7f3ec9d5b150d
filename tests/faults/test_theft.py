"""A copied refresh token: whoever comes second with what was superseded ends the family (R02, R03, R11, R16)."""

from dataclasses import dataclass, field

import pytest

from tests.faults.clients import TRANSPORTS, Client, Reply, Session
from tests.faults.crowds import client_of_each_worker, crowd
from tests.faults.servers import alarms, kill_all, rows, start_again
from tests.support.live import LiveServer

LEEWAY = 31  # seconds, and the one after
PARALLEL = 20


@dataclass
class Story:
    """One stolen session: every token that anybody got of it."""

    session: Session
    accesses: list[str] = field(default_factory=list)
    refreshes: list[str] = field(default_factory=list)

    def keep(self, reply: Reply) -> Reply:
        assert reply.status == 200, reply
        self.accesses += filter(None, [reply.access])
        self.refreshes += filter(None, [reply.successor])
        return reply

    def is_over(self, client: Client) -> None:
        """Assert that no token of the family opens anything, on the worker that `client` is connected to."""
        for access in [self.session.access, *self.accesses]:
            assert client.me(access).code == "session_ended"
        head = self.refreshes[-1]
        for refresh in [self.session.refresh, *self.refreshes]:
            reply = client.refresh(self.session.transport, refresh)
            assert (reply.status, reply.code in ("session_ended", "token_reused")) == (401, True)
            assert reply.code == "session_ended" or refresh != head


def _steal(client: Client, server: LiveServer, transport: str, *, first: str, within_leeway: bool) -> Story:
    """Play a theft up to the second comer's refusal; `first` is who refreshes first."""
    story = Story(client.sign_in(transport))
    stolen = story.session.refresh
    if first == "thief":
        second = story.keep(client.refresh(transport, stolen)).successor
        story.keep(client.refresh(transport, second or ""))
    else:
        # The victim goes on as the JavaScript client does: it calls the API, and that confirms.
        story.keep(client.refresh(transport, stolen))
        assert client.me(story.accesses[-1]).status == 200
    if within_leeway:
        third = story.keep(client.refresh(transport, story.refreshes[-1])).successor
        story.keep(client.refresh(transport, third or ""))
    else:
        server.move_clock(LEEWAY)
    reply = client.refresh(transport, stolen)
    assert (reply.status, reply.code) == (401, "token_reused")
    assert reply.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert reply.cookie == ("" if transport == "cookie" else None), "the cookie of a dead session goes"
    server.move_clock(0)
    return story


@pytest.fixture
def stories(server: LiveServer, client: Client) -> list[Story]:
    """The theft in both orders, after the leeway and two generations back within it, over both transports."""
    return [
        _steal(client, server, transport, first=first, within_leeway=within_leeway)
        for transport in TRANSPORTS
        for first in ("thief", "victim")
        for within_leeway in (False, True)
    ]


def test_a_theft_ends_the_family_everywhere_and_for_good(
    server: LiveServer, client: Client, stories: list[Story]
) -> None:
    others = [client.sign_in(transport) for transport in TRANSPORTS]
    with client_of_each_worker(server) as clients:
        for story in stories:
            for each in clients:
                story.is_over(each)

    kill_all(server)
    start_again(server)
    with client_of_each_worker(server) as clients:
        for each in clients:
            for story in stories:
                story.is_over(each)
            for other in others:
                assert each.me(other.access).status == 200
                assert each.refresh(other.transport, other.refresh).status == 200

    assert [alarms(server, story.session.sid) for story in stories] == [1] * len(stories)
    assert [alarms(server, other.sid) for other in others] == [0, 0]
    print(f"R16: {len(stories)} thefts, {len(stories)} families dead on each worker and after a restart")


def test_the_audit_log_names_session_and_user(server: LiveServer, stories: list[Story]) -> None:
    sid = stories[0].session.sid
    sql = "SELECT kind, user_id FROM audit_events WHERE session_id = :sid ORDER BY id"
    assert [tuple(row) for row in rows(server, sql, sid=sid)] == [
        ("sign_in", 1),
        ("session_revoked", 1),
        ("refresh_reuse", 1),
    ]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_head_of_a_dead_family_is_no_late_request(server: LiveServer, client: Client, transport: str) -> None:
    """R11: within the leeway of the last confirmation neither the head nor its predecessor gets anything."""
    story = Story(client.sign_in(transport))
    for _ in range(3):
        story.keep(client.refresh(transport, (story.refreshes or [story.session.refresh])[-1]))
    assert client.refresh(transport, story.session.refresh).code == "token_reused"

    for token in (story.refreshes[-1], story.refreshes[-2], story.refreshes[-3]):
        reply = client.refresh(transport, token)
        assert reply.status == 401
        assert reply.access is None and reply.successor is None


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_leeway_runs_from_the_confirmation(server: LiveServer, client: Client, transport: str) -> None:
    """R04: a day after the sign-in the predecessor is still served for half a minute, and not a second longer."""
    day = 24 * 3600
    session = client.sign_in(transport)
    server.move_clock(day)
    successor = client.refresh(transport, session.refresh).successor or ""
    assert client.refresh(transport, successor).status == 200

    server.move_clock(day + 20)
    late = client.refresh(transport, session.refresh)
    assert (late.status, late.cookie) == (200, None)
    assert late.gen == (None if transport == "cookie" else 2)
    server.move_clock(day + LEEWAY)
    assert client.refresh(transport, session.refresh).code == "token_reused"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_superseded_token_that_comes_many_times_at_once_raises_one_alarm(
    server: LiveServer, client: Client, transport: str
) -> None:
    session = client.sign_in(transport)
    successor = client.refresh(transport, session.refresh).successor or ""
    assert client.refresh(transport, successor).status == 200
    server.move_clock(LEEWAY)
    with crowd(server, PARALLEL) as clients:
        replies = clients.at_once(lambda client, token: client.refresh(transport, token), [session.refresh] * PARALLEL)

    assert {(reply.status, reply.code) for reply in replies} == {(401, "token_reused")}
    assert alarms(server, session.sid) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_superseded_token_of_a_signed_out_session_is_still_known_as_one(
    server: LiveServer, client: Client, transport: str
) -> None:
    """R14: the row is kept for that; a token that was not superseded raises no alarm, late as it is."""
    session = client.sign_in(transport)
    successor = client.refresh(transport, session.refresh).successor or ""
    assert client.refresh(transport, successor).status == 200
    assert client.call("POST", "/api/logout", bearer=session.access).status == 204
    server.move_clock(LEEWAY)

    assert client.refresh(transport, successor).code == "session_ended"
    assert alarms(server, session.sid) == 0
    for _ in range(2):
        assert client.refresh(transport, session.refresh).code == "token_reused"
    assert alarms(server, session.sid) == 1
