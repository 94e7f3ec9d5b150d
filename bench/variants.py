"""Ways to serve Evergreen: how many threads, which server; alone, and beside people who sign in."""

import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import evergreen
from bench.calls import CONNECTIONS, THREADS
from bench.databases import temporary_database
from bench.driving import Drive, in_own_process
from bench.measuring import Cost, Run, costs, middle

SIGNING_IN: Final = 20  # connections that sign in, again and again
GRANIAN: Final = (
    *(sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "2"),
    *("--host", "127.0.0.1", "--port", "{port}", "--no-access-log"),
)
SERVERS: Final = {
    "gunicorn, 2 workers, threads as configured": evergreen.GUNICORN,
    "gunicorn, 2 workers of 4 threads": (*evergreen.GUNICORN, "--threads", "4"),
    "gunicorn, 2 workers of 1 thread": (*evergreen.GUNICORN, "--threads", "1"),
    "granian, 2 workers of as many threads": (*GRANIAN, "--blocking-threads", THREADS),
    "granian, 2 workers of 1 thread": (*GRANIAN, "--blocking-threads", "1"),
}


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to serve: `GET /api/me` alone, and while others sign in."""

    name: str
    alone: Cost
    beside_sign_ins: Cost


def measure(*, seconds: float, rounds: int) -> list[Variant]:
    """Return a row for each way to serve, over a SQLite database of its own."""
    with ExitStack() as stack:
        runs = []
        for command in SERVERS.values():
            url = stack.enter_context(temporary_database("sqlite", ""))
            prepared = evergreen.prepare(url, rows=0, connections=CONNECTIONS)
            folder = Path(stack.enter_context(TemporaryDirectory()))
            runs.append(prepared.run(stack.enter_context(prepared.serve(folder, command=command)), "me"))
        alone = costs(runs, seconds=seconds, rounds=rounds)
        turns = [[_beside_sign_ins(run, seconds) for run in runs] for _ in range(rounds)]
    beside = [middle(of_one) for of_one in zip(*turns, strict=True)]
    return [Variant(*row) for row in zip(SERVERS, alone, beside, strict=True)]


def _beside_sign_ins(run: Run, seconds: float) -> Cost:
    drive = Drive("evergreen", "login", run.server.port, [{} for _ in range(SIGNING_IN)], seconds + 1)
    others = threading.Thread(target=in_own_process, args=(drive,))
    others.start()
    cost = run.cost(seconds)
    others.join()
    return cost
