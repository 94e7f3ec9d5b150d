"""Whether it stays as it is: with more sessions stored, after more requests, while old rows are deleted."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import evergreen
from bench.calls import CONNECTIONS
from bench.databases import temporary_database
from bench.driving import Drive, in_own_process
from bench.measuring import Cost, Run, costs
from bench.serving import ROOT

ACTS: Final = ("me", "refresh", "login")
STARTS: Final = 4  # seconds until a command does what it is for


@dataclass(frozen=True, slots=True)
class Growth:
    """A call with so many sessions stored."""

    database: str
    rows: int
    call: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class Memory:
    """What the larger of two workers has to itself, in MB, after so many requests."""

    requests: int
    megabytes: float


@dataclass(frozen=True, slots=True)
class Purge:
    """`GET /api/me` before and while `sessions purge` deletes."""

    database: str
    rows: int
    before: Cost
    meanwhile: Cost


def measure(
    database: str, server: str, sizes: Sequence[int], *, seconds: float, rounds: int
) -> Iterator[Growth | Purge]:
    """Yield each call's cost at each number of rows, all measured in turn; then what a purge of the largest does."""
    with ExitStack() as stack:
        runs: list[Run] = []
        for rows in sizes:
            url = stack.enter_context(temporary_database(database, server))
            prepared = evergreen.prepare(url, rows=rows, connections=CONNECTIONS)
            folder = Path(stack.enter_context(TemporaryDirectory()))
            running = stack.enter_context(prepared.serve(folder))
            runs += [prepared.run(running, act) for act in ACTS]
        labels = [(rows, act) for rows in sizes for act in ACTS]
        for (rows, act), cost in zip(labels, costs(runs, seconds=seconds, rounds=rounds), strict=True):
            yield Growth(database, rows, act, cost)
        yield _purge(database, sizes[-1], prepared.database_url, runs[-len(ACTS)], seconds=seconds * rounds)


def _purge(database: str, rows: int, url: str, run: Run, *, seconds: float) -> Purge:
    """Ask for so many seconds before, and for so many while a purge goes on, which is cut short at the end."""
    before = run.cost(seconds)
    environment = {**os.environ, **evergreen.SETTINGS, "DATABASE_URL": url}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "sessions", "purge"]
    purge = subprocess.Popen(command, env=environment, cwd=ROOT)
    time.sleep(STARTS)
    meanwhile = run.cost(seconds)
    if purge.poll() is not None:
        raise SystemExit("The purge was over before its effect was measured: give it more rows.")
    purge.terminate()
    purge.wait()
    return Purge(database, rows, before, meanwhile)


def memory(requests: Sequence[int]) -> Iterator[Memory]:
    """Yield what a worker holds after each of the rising numbers of requests, over SQLite."""
    with temporary_database("sqlite", "") as url, TemporaryDirectory() as folder:
        prepared = evergreen.prepare(url, rows=0, connections=CONNECTIONS)
        with prepared.serve(Path(folder)) as server:
            done = 0
            for count in requests:
                each = (count - done) // CONNECTIONS
                driven = in_own_process(Drive("evergreen", "me", server.port, prepared.sessions, 3600, requests=each))
                if driven.failures:
                    raise SystemExit(f"memory: {driven.failures[:3]}")
                done = count
                yield Memory(count, server.worker_megabytes())
