"""A server under measurement: started, waited for, its processor time and memory read, stopped."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from bench.clients import raw
from tests.support.live import free_port

ROOT: Final = Path(__file__).resolve().parent.parent
STARTS_WITHIN: Final = 60  # seconds


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port, and all of its processes."""

    port: int
    pid: int

    def _processes(self) -> list[psutil.Process]:
        master = psutil.Process(self.pid)
        return [master, *master.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Return the processor's time so far, in user and in system mode, of the master and its workers."""
        times = [process.cpu_times() for process in self._processes()]
        return sum(time.user + time.system for time in times)

    def worker_megabytes(self) -> float:
        """Return what one worker has in memory that it shares with nobody (USS)."""
        workers = self._processes()[1:] or self._processes()
        return max(worker.memory_full_info().uss for worker in workers) / 1e6


@contextmanager
def serve(command: Sequence[str], environment: dict[str, str], *, folder: Path, probe: str) -> Iterator[Server]:
    """Start a server whose command may hold `{port}`; it is up when `probe` (a path) is answered, however."""
    port = free_port()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    filled = {name: value.format(port=port, folder=folder) for name, value in environment.items()}
    log = folder / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [part.format(port=port, folder=folder) for part in command],
            env={**kept, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), **filled},
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(process, port, probe, log)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(process: subprocess.Popen[bytes], port: int, probe: str, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as connection:
                connection.sendall(raw("GET", probe))
                if connection.recv(12).startswith(b"HTTP/1.1 "):
                    return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"The server did not start:\n{log.read_text(errors='replace')[-3000:]}")
