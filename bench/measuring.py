"""Figures: what a request costs a server, several runs in turn, so that all of them see the same machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.clients import Tokens
from bench.driving import Drive, in_own_process
from bench.serving import Server

WARM_UP: Final = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Cost:
    """What one kind of request costs: the server's processor in µs, requests a second, times to an answer in ms."""

    cpu_us: float
    per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(slots=True)
class Run:
    """An act of a client at a server, on one connection for each of `sessions`."""

    name: str
    server: Server
    client: str
    act: str
    sessions: list[Tokens]

    def cost(self, seconds: float) -> Cost:
        """Drive the server, and say what it cost. Ends the program if an answer was not the wanted one."""
        before = self.server.cpu_seconds()
        driven = in_own_process(Drive(self.client, self.act, self.server.port, self.sessions, seconds))
        used = self.server.cpu_seconds() - before
        if driven.failures or not driven.latencies:
            raise SystemExit(f"{self.name}: {len(driven.failures)} of {len(driven.latencies)}: {driven.failures[:3]}")
        self.sessions = driven.sessions
        times = sorted(driven.latencies)
        count = len(times)
        return Cost(
            cpu_us=used / count * 1e6,
            per_second=count / driven.seconds,
            p50_ms=times[count // 2] * 1000,
            p99_ms=times[int(count * 0.99)] * 1000,
        )


def costs(runs: Sequence[Run], *, seconds: float, rounds: int) -> list[Cost]:
    """Return the medians of each run's costs over `rounds`, in each of which every run has its turn."""
    for run in runs:
        run.cost(WARM_UP)
    turns = [[run.cost(seconds) for run in runs] for _ in range(rounds)]
    return [middle(of_one) for of_one in zip(*turns, strict=True)]


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure."""
    names = ("cpu_us", "per_second", "p50_ms", "p99_ms")
    return Cost(**{name: median(getattr(cost, name) for cost in costs) for name in names})
