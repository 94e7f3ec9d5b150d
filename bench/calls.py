"""What the calls of Evergreen and its peers cost, all of them measured in turn."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.request import urlopen

from bench import evergreen
from bench.clients import Tokens
from bench.databases import temporary_database
from bench.driving import Drive, in_own_process
from bench.measuring import Cost, Run, costs
from bench.serving import ROOT, Server, serve
from tests.support.scraping import read
from webapp import passwords

BIN: Final = ROOT / "bench/.venv/bin"
CONNECTIONS: Final = 4
THREADS: Final = str(passwords.WAITING_AT_MOST + 8)  # as gunicorn.conf.py has it


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: who, which call, on which database, and what it costs."""

    who: str
    call: str
    database: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class Peer:
    """A product beside ours: its module in bench/peers, what may be measured of it, and how it is served."""

    name: str
    module: str
    acts: tuple[str, ...]
    is_asgi: bool = False


PEERS: Final = (
    Peer("flask-jwt-extended, blocklist and user loader", "jwt_extended", ("me", "refresh")),
    Peer("djangorestframework-simplejwt, blacklist", "simplejwt", ("me", "refresh", "login")),
    Peer("fastapi-users, JWT, on uvicorn", "fastapi_users_jwt", ("me", "login"), is_asgi=True),
    Peer("Flask-Security, authentication token", "flask_security_token", ("me", "login")),
)
BARE: Final = "bare Flask"
BY_OURS: Final = "bare Flask, by Evergreen's worker"  # what that one adds or saves by itself
OUR_SIGN_IN: Final = ("Evergreen", "login")
OURS: Final = ("me", "renewed", "refresh", "login")
CALLS: Final = {
    "me": "GET /api/me",
    "renewed": "GET /api/me, with X-New-Token",
    "refresh": "refresh",
    "login": "sign-in",
}


def measure(databases: list[str], server: str, *, seconds: float, rounds: int) -> tuple[list[Row], dict[str, float]]:
    """Return a row for each call of each contender, the first of which is bare Flask's, by which the others are
    divided; and argon2's share of our sign-in on each database."""
    with ExitStack() as stack:
        labels = [(BARE, "me", "none"), (BY_OURS, "me", "none")]
        runs = [stack.enter_context(_bare("gthread")), stack.enter_context(_bare("webapp.serving.Worker"))]
        for kind in databases:
            for run in stack.enter_context(_ours(kind, server)):
                labels.append(("Evergreen", run.act, kind))
                runs.append(run)
        for peer in PEERS:
            for run in stack.enter_context(_peer(peer)):
                labels.append((peer.name, run.act, "sqlite"))
                runs.append(run)
        found = costs(runs, seconds=seconds, rounds=rounds)
        rows = [Row(*label, cost) for label, cost in zip(labels, found, strict=True)]
        sign_ins = [pair for pair in zip(labels, runs, strict=True) if pair[0][:2] == OUR_SIGN_IN]
        return rows, {kind: _argon2_share(run, seconds * rounds) for (_, _, kind), run in sign_ins}


def _argon2_share(run: Run, seconds: float) -> float:
    """Return which part of the time to a sign-in's answer argon2 takes, as the server measures it, over one connection,
    so that nothing waits for anything else."""
    before = _seconds_in_argon2(run.server)
    driven = in_own_process(Drive(run.client, run.act, run.server.port, run.sessions[:1], seconds))
    return (_seconds_in_argon2(run.server) - before) / sum(driven.latencies)


def _seconds_in_argon2(server: Server) -> float:
    with urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=20) as answer:
        return read(answer.read().decode())["evergreen_password_hash_seconds_sum"]


@contextmanager
def _bare(worker: str) -> Iterator[Run]:
    command = [sys.executable, "-m", "gunicorn", *_served("bench.peers.bare:app", worker=worker)]
    with TemporaryDirectory() as folder, serve(command, {}, folder=Path(folder), probe="/api/me") as server:
        yield Run(BARE, server, "bare", "me", [{"access": "none"}] * CONNECTIONS)


def _served(app: str, *, worker: str) -> tuple[str, ...]:
    """Return the arguments with which gunicorn serves an application as it does Evergreen, by that class of workers."""
    counts = ("--workers", "2", "--threads", THREADS, "--keep-alive", "5")
    return ("--config", os.devnull, *counts, "--worker-class", worker, "--bind", "127.0.0.1:{port}", app)


@contextmanager
def _ours(kind: str, postgresql: str) -> Iterator[list[Run]]:
    with temporary_database(kind, postgresql) as url, TemporaryDirectory() as folder:
        prepared = evergreen.prepare(url, rows=0, connections=CONNECTIONS)
        with prepared.serve(Path(folder)) as server:
            yield [prepared.run(server, act) for act in OURS]


@contextmanager
def _peer(peer: Peer) -> Iterator[list[Run]]:
    with temporary_database("sqlite", "") as url, TemporaryDirectory() as folder:
        environment = {"DATABASE_URL": url}
        prepare = [str(BIN / "python"), "-m", f"bench.peers.{peer.module}"]
        subprocess.run(prepare, env={**os.environ, **environment}, cwd=ROOT, check=True)
        app = f"bench.peers.{peer.module}:app"
        command = [str(BIN / "gunicorn"), *_served(app, worker="gthread")]
        if peer.is_asgi:
            command = [str(BIN / "uvicorn"), "--workers", "2", "--no-access-log", "--port", "{port}", app]
        with serve(command, environment, folder=Path(folder), probe="/api/me") as server:
            sessions = [_sign_in(peer, server) for _ in range(CONNECTIONS)]
            yield [Run(f"{peer.name}: {act}", server, peer.module, act, sessions) for act in peer.acts]


def _sign_in(peer: Peer, server: Server) -> Tokens:
    driven = in_own_process(Drive(peer.module, "login", server.port, [{}], seconds=30, requests=1))
    if driven.failures:
        raise SystemExit(f"{peer.name}: {driven.failures}")
    return driven.sessions[0]
