"""Visitors who go on whatever happens to the database, and remember each answer: what was asked, when, what came."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from tests.faults.clients import TRANSPORTS, Client, Reply, Session, carry
from tests.support.live import LiveServer
from tests.support.people import EMAIL, PASSWORD
from tests.support.waiting import wait_until

ROUND = 5  # what a visitor asks for, one after the other, and then again


@dataclass(frozen=True, slots=True)
class Answer:
    what: str
    begun: float  # both by time.monotonic()
    ended: float
    reply: Reply

    @property
    def seconds(self) -> float:
        return self.ended - self.begun


@dataclass
class Visitor:
    """One who stays signed in and refreshes, and beside that signs in and out again and again."""

    client: Client
    stayer: Session
    leaver: Session | None = None
    answers: list[Answer] = field(default_factory=list)
    _is_refused: bool = False

    def live_on(self, until: Event) -> None:
        while not until.is_set():
            self._ask("me", "GET", "/api/me", bearer=self.stayer.access)
            self.refresh()
            self._leave() if self.leaver else self._come()
            self._ask("alive", "GET", "/healthz")
            if self.stayer.transport == "cookie":
                self._ask("page", "GET", "/account", cookie=self.stayer.refresh)
            until.wait(0.02)  # others of this machine have to come to their turn, too

    def refresh(self) -> Reply:
        stays = self.stayer
        reply = self._ask("refresh", "POST", "/api/refresh", **carry(stays.transport, stays.refresh))
        if reply.status == 200 and reply.access and reply.successor:
            self.stayer = Session(stays.transport, reply.access, reply.successor)
        return reply

    def _come(self) -> None:
        body = {"email": EMAIL, "password": PASSWORD, "transport": self.stayer.transport}
        reply = self._ask("login", "POST", "/api/login", body=body)
        if reply.status == 200 and reply.access and reply.successor:
            self.leaver = Session(self.stayer.transport, reply.access, reply.successor)

    def _leave(self) -> None:
        assert self.leaver
        was_refused = self._is_refused
        how = {"cookie": self.leaver.refresh} if self.leaver.transport == "cookie" else {"bearer": self.leaver.access}
        reply = self._ask("logout", "POST", "/api/logout", **how)
        # Cut off in the middle it may have happened or not: whoever asks again may be told that it had.
        if reply.status == 204 or not was_refused:
            self.leaver = None

    def _ask(self, what: str, method: str, path: str, **details: Any) -> Reply:
        begun = time.monotonic()
        reply = self.client.call(method, path, **details)
        self.answers.append(Answer(what, begun, time.monotonic(), reply))
        if what != "alive":
            self._is_refused = reply.status == 503
        return reply


class Visitors:
    def __init__(self, visitors: list[Visitor]) -> None:
        self.each = visitors

    def answers(self, since: float = 0, until: float = float("inf")) -> list[Answer]:
        """Return the answers to what was asked since, and answered until, those moments."""
        found = [answer for visitor in self.each for answer in visitor.answers]
        return [answer for answer in found if answer.begun >= since and answer.ended <= until]

    def wait_until_served(self, since: float) -> float:
        """Return from when on each of them is given what they ask for, after that moment; they have asked for more."""
        wait_until(lambda: all(_is_served(visitor.answers, since) for visitor in self.each), "somebody is not served")
        served_at = time.monotonic()
        wait_until(
            lambda: all(len(_asked(visitor.answers, served_at)) >= 2 * ROUND for visitor in self.each), "nobody asks"
        )
        return served_at


def _asked(answers: list[Answer], since: float) -> list[Answer]:
    return [answer for answer in answers if answer.begun >= since]


def _is_served(answers: list[Answer], since: float) -> bool:
    """Whether all that was asked in the last two rounds since then was given."""
    last = _asked(answers, since)[-2 * ROUND :]
    return len(last) == 2 * ROUND and {answer.reply.status for answer in last} <= {200, 204}


@contextmanager
def visitors(server: LiveServer, count: int) -> Iterator[Visitors]:
    """So many visitors, half of them with cookies, who go on until the block ends; the answers stay."""
    until = Event()
    clients = [Client(server) for _ in range(count)]
    try:
        crowd = [
            Visitor(client, client.sign_in(TRANSPORTS[number % len(TRANSPORTS)]))
            for number, client in enumerate(clients)
        ]
        with ThreadPoolExecutor(count) as pool:
            tasks = [pool.submit(visitor.live_on, until) for visitor in crowd]
            try:
                yield Visitors(crowd)
            finally:
                until.set()
        for task in tasks:
            task.result()
    finally:
        for client in clients:
            client.close()


def statuses(answers: list[Answer]) -> Counter[tuple[str, int]]:
    return Counter((answer.what, answer.reply.status) for answer in answers)


def slowest(answers: list[Answer]) -> float:
    return max(answer.seconds for answer in answers)


def slow(answers: list[Answer], *, seconds: float) -> list[tuple[str, int, float]]:
    """Return what took longer: what was asked, the status, the seconds."""
    return [(answer.what, answer.reply.status, answer.seconds) for answer in answers if answer.seconds > seconds]
