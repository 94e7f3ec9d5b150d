"""A sign-out at a random moment inside refreshes and calls: once it is answered, nothing opens anything (R12, N04)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.faults.clients import TRANSPORTS, Client, Reply, Session, carry, chance, one_client
from tests.faults.crowds import Crowd, crowd
from tests.support.forge import forge
from tests.support.live import LiveServer

TRIALS = 50  # for each transport and database: 200 in all
REFRESHERS, CALLERS = 5, 3
LATEST = 0.05  # seconds after which the sign-out is sent at the latest


def _by_access_token(client: Client, session: Session, _: str) -> Reply:
    return client.call("POST", "/api/logout", bearer=session.access)


def _by_expired_access_token(client: Client, session: Session, _: str) -> Reply:
    now = int(time.time())
    expired = forge(session.access, iat=now - 7200, nbf=now - 7200, exp=now - 3600)
    return client.call("POST", "/api/logout", bearer=expired)


def _by_refresh_token(client: Client, session: Session, _: str) -> Reply:
    return client.call("POST", "/api/logout", **carry(session.transport, session.refresh))


def _from_another_device(client: Client, session: Session, other: str) -> Reply:
    return client.call("DELETE", f"/api/sessions/{session.sid}", bearer=other)


WAYS_OUT = [_by_access_token, _by_expired_access_token, _by_refresh_token, _from_another_device]


@dataclass
class Trial:
    """One session that ends in the middle of what its clients do, and every token that any of them got."""

    session: Session
    leave: Callable[[Client], Reply]
    delay: float
    statuses: list[int] = field(default_factory=list)
    accesses: list[str] = field(default_factory=list)
    refreshes: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)

    def keep(self, reply: Reply) -> Reply:
        assert reply.status == 200 or (reply.status, reply.code) == (401, "session_ended"), reply
        assert reply.status == 200 or not (reply.access or reply.successor or reply.renewed)
        self.statuses.append(reply.status)
        self.accesses += filter(None, [reply.access])
        self.refreshes += filter(None, [reply.successor])
        self.renewed += filter(None, [reply.renewed])
        return reply

    def play(self, client: Client, role: str) -> None:
        if role == "leaver":
            time.sleep(self.delay)
            assert self.leave(client).status == 204
        elif role == "caller":
            near_its_end = forge(self.session.access, exp=int(time.time()) + 3600)
            for _ in range(3):
                self.keep(client.me(near_its_end))
        else:
            # Never further than one confirmation: then every token of the race is current or a late one of its client.
            for _ in range(2):
                reply = self.keep(client.refresh(self.session.transport, self.session.refresh))
                if reply.successor:
                    self.keep(client.refresh(self.session.transport, reply.successor))

    def assert_nothing_opens(self, clients: Crowd) -> None:
        accesses = [self.session.access, *self.accesses, *self.renewed]
        refreshes = [self.session.refresh, *self.refreshes]
        replies = clients.each(lambda client, token: client.me(token), accesses)
        replies += clients.each(lambda client, token: client.refresh(self.session.transport, token), refreshes)
        assert {(reply.status, reply.code) for reply in replies} == {(401, "session_ended")}
        assert not any(reply.renewed or reply.access or reply.successor for reply in replies)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_nothing_that_was_ever_handed_out_survives_the_sign_out(server: LiveServer, transport: str) -> None:
    dice = chance("sign out", transport)
    roles = ["leaver", *["refresher"] * REFRESHERS, *["caller"] * CALLERS]
    tokens = inside = renewed = 0
    with one_client(server) as client, crowd(server, len(roles)) as clients:
        other = client.sign_in("body").access
        for number in range(TRIALS):
            session = client.sign_in(transport)
            way = WAYS_OUT[number % len(WAYS_OUT)]

            def leave(client: Client, way: Callable[..., Reply] = way, session: Session = session) -> Reply:
                return way(client, session, other)

            trial = Trial(session, leave, dice.uniform(0, LATEST))
            clients.at_once(trial.play, roles)
            trial.assert_nothing_opens(clients)
            tokens += 2 + len(trial.accesses) + len(trial.refreshes) + len(trial.renewed)
            renewed += len(trial.renewed)
            inside += len(set(trial.statuses)) == 2
        assert client.me(other).status == 200
    assert renewed and tokens > 2 * TRIALS
    print(
        f"R12 {transport}: {TRIALS} sign-outs, {inside} of them in the middle of the others' calls; "
        f"{tokens} tokens were handed out ({renewed} by X-New-Token), 0 open anything"
    )
