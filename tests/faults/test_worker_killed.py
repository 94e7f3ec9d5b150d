"""SIGKILL: of random workers while clients refresh (L01), and of the whole server while they sign out (L02)."""

import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Semaphore

from tests.faults.clients import TRANSPORT_ERRORS, TRANSPORTS, Client, Session, chance, one_client
from tests.faults.crowds import crowd
from tests.faults.servers import generation, kill, kill_all, rows, start_again, wait_for_workers
from tests.support import forge
from tests.support.live import LiveServer

CLIENTS = 24
SECONDS = 9
KILL_EVERY = 0.5  # seconds
CRASHES = 5
LEAVERS = 8
HOUR = 3600


@dataclass
class Device:
    """A client that refreshes as long as it is let, and sends the same token again when the connection breaks."""

    transport: str
    sid: str
    token: str
    proven: int = 1  # the highest generation of which the server has said that it took it
    refreshes: int = 0
    broken: int = 0
    refused: int = 0
    unavailable: int = 0

    def refresh(self, client: Client) -> None:
        try:
            reply = client.refresh(self.transport, self.token)
        except TRANSPORT_ERRORS:
            self.broken += 1
            time.sleep(0.02)
            return
        if reply.status == 503:
            self.unavailable += 1
            time.sleep(0.02)
            return
        if reply.status != 200 or not reply.successor:
            self.refused += 1
            return
        self.refreshes += 1
        self.proven = forge.read(self.token)["gen"]
        self.token = reply.successor
        if self.refreshes % 3 == 0:
            with suppress(*TRANSPORT_ERRORS):
                client.me(reply.access or "")


def _devices(server: LiveServer, sessions: list[Session]) -> list[Device]:
    return [Device(session.transport, session.sid, session.refresh) for session in sessions]


def test_no_session_is_lost_when_workers_are_killed(server: LiveServer) -> None:
    dice = chance("workers")
    kills = 0
    with crowd(server, CLIENTS + 1) as clients:
        transports = [TRANSPORTS[number % 2] for number in range(CLIENTS)]
        devices = _devices(server, clients.each(lambda client, transport: client.sign_in(transport), transports))
        ends_at = time.monotonic() + SECONDS

        def live_on(client: Client, device: Device | None) -> None:
            nonlocal kills
            while time.monotonic() < ends_at:
                if device:
                    device.refresh(client)
                elif pids := server.worker_pids:
                    kill(dice.choice(pids))
                    kills += 1
                    time.sleep(KILL_EVERY)

        clients.at_once(live_on, [*devices, None])
    wait_for_workers(server)
    assert sum(device.refused for device in devices) == 0
    for device in devices:
        assert generation(server, device.sid) >= device.proven, "what was confirmed stays confirmed"
    # After the leeway it shows whether each client holds the head of its family.
    with crowd(server, CLIENTS) as clients:
        for hour in (1, 2):
            server.move_clock(hour * HOUR)
            before = [device.refreshes for device in devices]
            clients.at_once(lambda client, device: device.refresh(client), devices)
            assert [device.refreshes - count for device, count in zip(devices, before, strict=True)] == [1] * CLIENTS
    _is_whole(server)
    figures = {
        name: sum(getattr(device, name) for device in devices) for name in ("refreshes", "broken", "unavailable")
    }
    print(f"L01: {kills} workers killed in {SECONDS} s, {figures}, 0 of {CLIENTS} sessions lost")


def _is_whole(server: LiveServer) -> None:
    if server.settings["DATABASE_URL"].startswith("sqlite"):
        assert [tuple(row) for row in rows(server, "PRAGMA integrity_check")] == [("ok",)]
    orphans = "SELECT count(*) FROM auth_sessions WHERE user_id NOT IN (SELECT id FROM users)"
    assert rows(server, orphans)[0][0] == 0


def test_an_answered_sign_out_stays_in_force_when_everything_is_killed(server: LiveServer) -> None:
    """The kill comes when a few of the sign-outs have been answered; the others may have happened or not."""
    dice = chance("crash")
    answered = 0
    with one_client(server) as client:
        stayers = _devices(server, [client.sign_in(transport) for transport in TRANSPORTS])
    for _ in range(CRASHES):
        with crowd(server, LEAVERS + len(stayers) + 1) as clients:
            transports = [TRANSPORTS[number % 2] for number in range(LEAVERS)]
            leavers = clients.each(lambda client, transport: client.sign_in(transport), transports)
            crash = Crash(server, after=dice.randint(1, LEAVERS - 2))
            clients.at_once(crash.live_through, [None, *stayers, *leavers])
        start_again(server)
        with one_client(server) as client:
            for session in crash.gone:
                assert client.me(session.access).code == "session_ended"
                assert client.refresh(session.transport, session.refresh).code == "session_ended"
            for device in stayers:
                assert generation(server, device.sid) >= device.proven
                device.refresh(client)
                assert device.refused == 0
        answered += len(crash.gone)
    _is_whole(server)
    total = CRASHES * LEAVERS
    print(
        f"L02: {CRASHES} crashes, {answered} sign-outs answered and in force, {total - answered} cut off; 0 others lost"
    )


class Crash:
    """The server's death in the middle of sign-outs and refreshes, `after` so many answered sign-outs."""

    def __init__(self, server: LiveServer, *, after: int) -> None:
        self._server = server
        self._after = after
        self._answers = Semaphore(0)
        self.gone: list[Session] = []  # whose sign-out was answered

    def live_through(self, client: Client, who: Session | Device | None) -> None:
        if who is None:
            assert all(self._answers.acquire(timeout=20) for _ in range(self._after))
            kill_all(self._server)
        elif isinstance(who, Device):
            while self._server.process.poll() is None:
                who.refresh(client)
        else:
            with suppress(*TRANSPORT_ERRORS):
                assert client.call("POST", "/api/logout", bearer=who.access).status == 204
                self.gone.append(who)
                self._answers.release()
