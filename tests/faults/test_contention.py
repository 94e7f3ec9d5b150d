"""Many writers at once: they wait for each other, nobody is told of an error (L08, L09)."""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from tests.faults.clients import TRANSPORTS, Client, Reply
from tests.faults.crowds import crowd
from tests.faults.servers import rows
from tests.support.live import LiveServer

WRITERS = 12
ROUNDS = 2
EDITS = 8


def test_writers_wait_for_each_other(server: LiveServer) -> None:
    """Sign-ins, edits of one profile, confirmations, sign-outs; what was answered is there, once."""
    events_before = _events(server)
    started_at = time.monotonic()
    with crowd(server, WRITERS) as clients:
        answers = [answer for lane in clients.at_once(_write, range(WRITERS)) for answer in lane]
    took = time.monotonic() - started_at

    sessions = WRITERS * ROUNDS
    assert Counter((what, status) for what, status, _ in answers) == {
        ("sign_in", 200): sessions,
        ("profile_changed", 200): sessions * EDITS,
        ("confirm", 200): sessions * EDITS,
        ("session_revoked", 204): sessions,
    }
    assert _events(server) - events_before == {
        "sign_in": sessions,
        "profile_changed": sessions * EDITS,
        "session_revoked": sessions,
    }
    slowest = max(seconds for *_, seconds in answers)
    print(f"L09: {WRITERS} writers, {len(answers)} answers in {took:.1f} s, slowest {slowest:.2f} s, 0 x 5xx")


def _write(client: Client, number: int) -> list[tuple[str, int, float]]:
    """Live through some sessions; return what was asked, the status of the answer, and the seconds it took."""
    answers: list[tuple[str, int, float]] = []

    def note(what: str, call: Callable[[], Reply]) -> Reply:
        begun = time.monotonic()
        reply = call()
        answers.append((what, reply.status, time.monotonic() - begun))
        return reply

    transport = TRANSPORTS[number % 2]
    for _ in range(ROUNDS):
        begun = time.monotonic()
        session = client.sign_in(transport)
        answers.append(("sign_in", 200, time.monotonic() - begun))
        token = session.refresh
        for edit in range(EDITS):
            name = {"first_name": f"John {number}", "last_name": f"Doe {edit}"}
            note("profile_changed", partial(client.call, "PATCH", "/api/me", bearer=session.access, body=name))
            token = note("confirm", partial(client.refresh, transport, token)).successor or ""
        note("session_revoked", partial(client.call, "POST", "/api/logout", bearer=session.access))
    return answers


def _events(server: LiveServer) -> Counter[str]:
    return Counter(dict(tuple(row) for row in rows(server, "SELECT kind, count(*) FROM audit_events GROUP BY kind")))
