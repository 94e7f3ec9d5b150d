"""Clients that go on asking while something is done to a server, and what became of each request."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock

from tests.faults.clients import TRANSPORT_ERRORS, Client, Reply, Session
from tests.support.live import LiveServer

PATIENCE = 40  # seconds


@dataclass(frozen=True, slots=True)
class Habit:
    """What a client does, the seconds between two requests, whether it keeps its connection, and the right answers."""

    act: Callable[[Client], Reply]
    pause: float = 0.01
    keeps_alive: bool = True
    statuses: tuple[int, ...] = (200,)


@dataclass
class Traffic:
    """How many requests were answered as they should be, and what became of the others."""

    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    _ended: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def go_on(self, client: Client, habit: Habit) -> None:
        while not self._ended.is_set():
            try:
                reply = habit.act(client)
                outcome = "" if reply.status in habit.statuses else f"{reply.status} {reply.code}".strip()
            except TRANSPORT_ERRORS as error:
                outcome = type(error).__name__
            with self._lock:
                if outcome:
                    self.failures[outcome] += 1
                else:
                    self.answered += 1
            if not habit.keeps_alive:
                client.close()
            self._ended.wait(habit.pause)

    def wait_for(self, more: int) -> None:
        """Return when so many more requests have been answered."""
        goal, deadline = self.answered + more, time.monotonic() + PATIENCE
        while self.answered < goal:
            assert time.monotonic() < deadline, f"{self.answered} answers, {self.failures}"
            time.sleep(0.01)

    def end(self) -> None:
        self._ended.set()


@contextmanager
def traffic(server: LiveServer, habits: Sequence[Habit]) -> Iterator[Traffic]:
    """Each habit by a client of its own, until the block ends."""
    going = Traffic()
    clients = [Client(server) for _ in habits]
    with ThreadPoolExecutor(len(habits)) as pool:
        tasks = [pool.submit(going.go_on, *pair) for pair in zip(clients, habits, strict=True)]
        try:
            yield going
        finally:
            going.end()
    for client in clients:
        client.close()
    for task in tasks:
        task.result()


def refreshes(session: Session) -> Callable[[Client], Reply]:
    """Return what a client does that refreshes, each time with what it was given last."""
    token = session.refresh

    def act(client: Client) -> Reply:
        nonlocal token
        reply = client.refresh("body", token)
        token = reply.successor or token
        return reply

    return act
