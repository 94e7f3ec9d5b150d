"""A sign-out at a random moment inside refreshes and calls: once it is answered, nothing opens anything (R12, N04)."""

import time
from collections.abc import Callable

import pytest

from tests.faults.clients import TRANSPORTS, Client, Reply, Session, carry, chance, one_client
from tests.faults.crowds import crowd
from tests.faults.trials import LATEST, ROLES, Trial
from tests.support.forge import forge
from tests.support.live import LiveServer

TRIALS = 50  # for each transport and database: 200 in all


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


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_nothing_that_was_ever_handed_out_survives_the_sign_out(server: LiveServer, transport: str) -> None:
    dice = chance("sign out", transport)
    tokens = inside = renewed = 0
    with one_client(server) as client, crowd(server, len(ROLES)) as clients:
        other = client.sign_in("body").access
        for number in range(TRIALS):
            session = client.sign_in(transport)
            way = WAYS_OUT[number % len(WAYS_OUT)]

            def leave(client: Client, way: Callable[..., Reply] = way, session: Session = session) -> None:
                assert way(client, session, other).status == 204

            trial = Trial(session, leave, dice.uniform(0, LATEST))
            clients.at_once(trial.play, ROLES)
            trial.assert_nothing_opens(clients)
            tokens += 2 + len(trial.accesses) + len(trial.refreshes) + len(trial.renewed)
            renewed += len(trial.renewed)
            inside += trial.was_inside
        assert client.me(other).status == 200
    assert renewed and tokens > 2 * TRIALS
    print(
        f"R12 {transport}: {TRIALS} sign-outs, {inside} of them in the middle of the others' calls; "
        f"{tokens} tokens were handed out ({renewed} by X-New-Token), 0 open anything"
    )
