"""An answer that never arrives costs nothing, however late the retry (R08, R09)."""

import select
import socket
import struct
from enum import StrEnum

import pytest

from tests.faults.clients import TRANSPORTS, Client, Session, chance
from tests.faults.crowds import crowd
from tests.faults.servers import alarms, generation, rows
from tests.support import forge
from tests.support.live import LiveServer

SESSIONS = 50  # of each transport
THREADS = 10
WEEK = 7 * 24 * 3600
LEEWAY = 31  # seconds, and the one after


class Loss(StrEnum):
    BEFORE_THE_ANSWER = "closed right after the request was sent"
    RESET = "reset right after the request was sent"
    UNREAD = "closed when the answer had arrived, without reading it"
    HALF_READ = "closed after the first bytes of the answer"


def lose_answer(server: LiveServer, transport: str, token: str, how: Loss) -> None:
    """Send a refresh over a socket of its own and lose the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(_request(server, transport, token))
        if how in (Loss.UNREAD, Loss.HALF_READ):
            assert select.select([connection], [], [], 20)[0]
        if how == Loss.HALF_READ:
            assert connection.recv(12) == b"HTTP/1.1 200"
        if how == Loss.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _request(server: LiveServer, transport: str, token: str) -> bytes:
    lines = ["POST /api/refresh HTTP/1.1", f"Host: localhost:{server.port}"]
    body = ""
    if transport == "cookie":
        lines += [f"Cookie: refresh_token={token}", "Sec-Fetch-Site: same-origin"]
    else:
        body = f'{{"refresh_token": "{token}"}}'
        lines += ["Content-Type: application/json"]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_session_is_lost_with_an_answer(server: LiveServer, client: Client, transport: str) -> None:
    """Half of the clients retry at once, half after a week; then the answer to the successor is lost likewise."""
    dice = chance("lost", transport)
    ways = list(Loss)

    with crowd(server, THREADS) as clients:
        sessions = clients.each(lambda client, _: client.sign_in(transport), range(SESSIONS))

        def lose_and_retry(tokens: list[str], clock: int) -> list[str]:
            losses = [(token, ways[index % len(ways)], dice.randint(1, 3)) for index, token in enumerate(tokens)]
            clients.each(lambda _, loss: [lose_answer(server, transport, *loss[:2]) for _ in range(loss[2])], losses)
            at_once = clients.each(lambda client, token: client.refresh(transport, token), tokens[::2])
            server.move_clock(clock + WEEK)
            later = clients.each(lambda client, token: client.refresh(transport, token), tokens[1::2])
            replies = [reply for pair in zip(at_once, later, strict=True) for reply in pair]
            assert [reply.status for reply in replies] == [200] * SESSIONS
            return [reply.successor or "" for reply in replies]

        firsts = [session.refresh for session in sessions]
        seconds = lose_and_retry(firsts, clock=0)
        assert {generation(server, session.sid) for session in sessions} == {1}, "nothing was confirmed"
        thirds = lose_and_retry(seconds, clock=WEEK)
        assert {generation(server, session.sid) for session in sessions} == {2}
        server.move_clock(3 * WEEK)
        replies = clients.each(lambda client, token: client.refresh(transport, token), thirds)
        assert [reply.status for reply in replies] == [200] * SESSIONS
        assert sum(alarms(server, session.sid) for session in sessions) == 0
    print(f"R09 {transport}: {2 * SESSIONS} answers lost, half of them for a week: 0 of {SESSIONS} sessions lost")


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("proof", ["refresh", "access"])
def test_the_old_token_ends_with_the_use_of_what_the_retry_gave(
    server: LiveServer, client: Client, transport: str, proof: str
) -> None:
    """After a lost answer and a retry: whichever of the two new tokens is used first confirms the generation."""
    session = client.sign_in(transport)
    server.move_clock(WEEK)
    lose_answer(server, transport, session.refresh, Loss.UNREAD)
    retry = client.refresh(transport, session.refresh)
    used = client.me(retry.access or "") if proof == "access" else client.refresh(transport, retry.successor or "")
    assert used.status == 200

    _late_request_is_served(client, session)
    server.move_clock(WEEK + LEEWAY)
    reuse = client.refresh(transport, session.refresh)

    assert (reuse.status, reuse.code) == (401, "token_reused")
    assert client.refresh(transport, retry.successor or "").status == 401


def _late_request_is_served(client: Client, session: Session) -> None:
    late = client.refresh(session.transport, session.refresh)
    assert late.status == 200
    assert late.cookie is None
    assert late.gen == (None if session.transport == "cookie" else 2)  # the current one, no successor
    assert client.me(late.access or "").status == 200


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_renewed_access_token_confirms_like_the_one_it_came_from(
    server: LiveServer, client: Client, transport: str
) -> None:
    """The first use of a pair may come so late that the access token is near its end: the renewed one still counts."""
    session = client.sign_in(transport)
    pair = client.refresh(transport, session.refresh)
    server.move_clock(23 * 3600)
    renewed = client.me(pair.access or "").renewed
    assert renewed and forge.read(renewed)["rgen"] == 2
    assert generation(server, session.sid) == 2
    server.move_clock(24 * 3600)
    assert client.me(renewed).status == 200
    assert client.refresh(transport, session.refresh).code == "token_reused"


def test_a_bearer_client_that_ignores_every_successor_is_never_lost(server: LiveServer, client: Client) -> None:
    """The contract's Method 2: the token stays the same, also where its access tokens are used."""
    session = client.sign_in("body")
    for day in (0, 2, 9, 16):
        server.move_clock(day * 24 * 3600)
        replies = [client.call("POST", "/api/refresh", bearer=session.refresh) for _ in range(2)]
        assert [reply.status for reply in replies] == [200, 200]
        assert [reply.successor is not None for reply in replies] == [day > 1, day > 1]
        assert client.me(replies[0].access or "").status == 200
    assert generation(server, session.sid) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_row_that_is_behind_its_tokens_catches_up(server: LiveServer, client: Client, transport: str) -> None:
    """A restored backup: the row is older than what its client holds, which works and supersedes what was before."""
    session = client.sign_in(transport)
    tokens = [session.refresh]
    for _ in range(3):
        tokens.append(client.refresh(transport, tokens[-1]).successor or "")
    rows(server, "UPDATE auth_sessions SET generation = 1 WHERE id = :sid", sid=session.sid)

    assert client.refresh(transport, tokens[3]).status == 200
    assert generation(server, session.sid) == 4
    assert client.refresh(transport, tokens[1]).code == "token_reused"
