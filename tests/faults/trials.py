"""A session that something ends, or changes, in the middle of what its clients do, and all that they were given."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Event

from tests.faults.clients import TIMEOUT, Client, Reply, Session
from tests.faults.crowds import Crowd
from tests.support.forge import forge

REFRESHERS, CALLERS = 5, 3
ROLES = ["ender", *["refresher"] * REFRESHERS, *["caller"] * CALLERS]
LATEST = 0.05  # seconds that the end waits at the most
LAST = 30  # so many of each kind of token are tried of a long trial: what came beside the end came last


@dataclass
class Trial:
    """One session, what ends it after so many seconds, and every token that any of its clients got.

    If the end `is_slow` it comes when something has been answered, and the others go on until they have asked for
    something after it; else they go on for about as long as it takes."""

    session: Session
    end: Callable[[Client], None]
    delay: float
    is_slow: bool = False
    statuses: list[int] = field(default_factory=list)
    accesses: list[str] = field(default_factory=list)
    refreshes: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    _has_begun: Event = field(default_factory=Event)
    _is_over: Event = field(default_factory=Event)

    @property
    def accesses_to_try(self) -> list[str]:
        return [self.session.access, *self._tried(self.accesses), *self._tried(self.renewed)]

    @property
    def refreshes_to_try(self) -> list[str]:
        return [self.session.refresh, *self._tried(self.refreshes)]

    def _tried(self, tokens: list[str]) -> list[str]:
        return tokens[-LAST:] if self.is_slow else tokens

    @property
    def was_inside(self) -> bool:
        """Whether the end came in the middle: some calls were answered, others refused."""
        return len(set(self.statuses)) == 2

    def keep(self, reply: Reply) -> Reply:
        self._has_begun.set()
        assert reply.status == 200 or (reply.status, reply.code) == (401, "session_ended"), reply
        assert reply.status == 200 or not (reply.access or reply.successor or reply.renewed)
        self.statuses.append(reply.status)
        self.accesses += filter(None, [reply.access])
        self.refreshes += filter(None, [reply.successor])
        self.renewed += filter(None, [reply.renewed])
        return reply

    def play(self, client: Client, role: str) -> None:
        if role == "ender":
            try:
                assert not self.is_slow or self._has_begun.wait(TIMEOUT), "nothing is answered"
                time.sleep(self.delay)
                self.end(client)
            finally:
                self._is_over.set()
        elif role == "caller":
            near_its_end = forge(self.session.access, exp=int(time.time()) + 3600)
            for _ in self._rounds(3):
                self.keep(client.me(near_its_end))
        else:
            # Never further than one confirmation: then every token of the race is current or a late one of its client.
            for _ in self._rounds(2):
                reply = self.keep(client.refresh(self.session.transport, self.session.refresh))
                if reply.successor:
                    self.keep(client.refresh(self.session.transport, reply.successor))

    def _rounds(self, least: int) -> Iterator[int]:
        yield from range(least)
        is_last = not self.is_slow
        while not is_last:
            is_last = self._is_over.is_set()
            yield least

    def assert_nothing_opens(self, clients: Crowd) -> None:
        replies = clients.each(lambda client, token: client.me(token), self.accesses_to_try)
        replies += clients.each(
            lambda client, token: client.refresh(self.session.transport, token), self.refreshes_to_try
        )
        assert {(reply.status, reply.code) for reply in replies} == {(401, "session_ended")}
        assert not any(reply.renewed or reply.access or reply.successor for reply in replies)
