"""The product as it is really served: gunicorn with several workers, on a port of 127.0.0.1."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psutil

from tests.support.forked import Program, machine_environment
from tests.support.settings import SECRET_KEY
from webapp.config import ROOT

STARTS_WITHIN = 60  # seconds
FIRST_PORT, PORTS, PROCESSES = 20_000, 1_000, 12  # so many for each of the processes that test
CLOCKED = "tests.support.clocked:app"
_given: set[int] = set()
_numbers = count(1)


@dataclass
class LiveServer:
    """A running server. `move_clock` changes what its workers take for now; `log` is what it has printed."""

    url: str
    port: int
    process: subprocess.Popen[bytes] | Program
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    @property
    def worker_pids(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def move_clock(self, seconds: float) -> None:
        """Let every worker's clock go `seconds` ahead of the machine's from now on."""
        temporary = self.folder / "clock.new"
        temporary.write_text(json.dumps(seconds))
        temporary.replace(self.folder / "clock")

    def flask(self, *arguments: str) -> str:
        """Run `flask --app wsgi …` with the server's settings; return what it printed."""
        log = self.folder / f"flask-{next(_numbers)}.log"
        status = Program("flask", "--app", "wsgi", *arguments, env=self.settings, log=log).wait(STARTS_WITHIN)
        printed = log.read_text()
        assert status == 0, printed
        return printed

    def restart(self, **settings: Any) -> None:
        """Serve again where it ran, with `settings` changed; the database, and everything else, stays."""
        if self.process.poll() is None:
            self.stop()
        self.settings |= _environment(settings)
        self.process = launch(self.folder, self.settings)
        wait_until_ready(self)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.wait(15)


def free_port() -> int:
    """Return a port where nothing listens, out of those that no outgoing connection is given in the meantime, nor
    anybody else who asks: it may be long until somebody listens there."""
    of_process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PROCESSES
    while True:
        port = FIRST_PORT + PORTS * of_process + secrets.randbelow(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


@contextmanager
def serve(
    folder: Path,
    database_url: str,
    application: str = CLOCKED,
    *,
    workers: int = 2,
    preload: bool = True,
    under: Sequence[str] = (),
    is_patient: bool = True,
    hashes_in_earnest: bool = False,
    **settings: Any,
) -> Iterator[LiveServer]:
    """Serve the product with `settings` (names in lower case) over `database_url` until the block ends.

    Unless it `is_patient` it waits for PostgreSQL as the product does, see patience.py. It `hashes_in_earnest` for who
    asks what hashes cost. `under` is a command that starts the server as its child and ends with it, such as strace."""
    port = free_port()
    environment = machine_environment() | {
        "APP_ENV": "development",
        "SECRET_KEY": SECRET_KEY,
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "PUBLIC_URL": f"http://localhost:{port}",
        "WEB_CONCURRENCY": str(workers),
        "MAIL_URL": f"file://{folder}/mail",
        "TMPDIR": str(folder),
        "RATELIMIT_ENABLED": "false",
        "TEST_CLOCK_FILE": str(folder / "clock"),
        "TEST_PATIENT": "1" if is_patient else "",
        "TEST_HASHES_IN_EARNEST": "1" if hashes_in_earnest else "",
        "PYTHONPATH": str(ROOT),
        **_environment(settings),
    }
    process = launch(folder, environment, application, preload=preload, under=under)
    server = LiveServer(f"http://localhost:{port}", port, process, folder, environment)
    try:
        wait_until_ready(server)
        yield server
    finally:
        if server.process.poll() is None:
            for process in psutil.Process(server.process.pid).children() if under else [server.process]:
                process.terminate()
            try:
                server.process.wait(15)
            except subprocess.TimeoutExpired:
                server.process.kill()
                server.process.wait(10)


def _environment(settings: dict[str, Any]) -> dict[str, str]:
    return {name.upper(): str(value) for name, value in settings.items()}


def launch(
    folder: Path,
    environment: dict[str, str],
    application: str = CLOCKED,
    *,
    preload: bool = True,
    under: Sequence[str] = (),
) -> subprocess.Popen[bytes] | Program:
    """Start gunicorn. Its application is imported once and forked, which no worker can tell, if `preload`."""
    log = folder / "server.log"
    if preload and not under:
        return Program("gunicorn", "--preload", application, env=environment, log=log)
    command = [*under, sys.executable, "-m", "gunicorn", *(["--preload"] if preload else []), application]
    with log.open("ab") as output:
        return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)


def wait_until_ready(server: LiveServer) -> None:
    """Return when the server answers; raises AssertionError with its log if it ends first, or takes too long."""
    import requests

    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if requests.get(f"{server.url}/healthz", timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{server.log}")
