"""Programs of Python that begin with the product's libraries imported, and end without taking them apart.

A server of two workers takes two seconds of a processor to start and stop, nearly all for the import of what it is made
of and for the end of three interpreters. So each process that tests has one of its own that has imported what the
product imports of others (fork_server.py), and has each program forked from it. That a server starts without all this
is for tests that ask for it (`preload=False`), and for those that start `make run` or the image's command."""

import atexit
import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.support import fork_server
from tests.support.fork_server import NUMBER, ROOT


class Program:
    """A program that was forked, with what tests use of subprocess.Popen."""

    def __init__(self, module: str, *arguments: str, env: Mapping[str, str], log: Path) -> None:
        """Run `python -m module arguments` in the project's folder; what it prints is added to `log`."""
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(_address())
        asked = {"module": module, "arguments": arguments, "env": dict(env), "log": str(log)}
        self._connection.sendall(json.dumps(asked).encode() + b"\n")
        self.pid = _number(self._connection)
        self._connection.setblocking(False)
        self._lock = threading.Lock()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit status, -9 if signal 9 ended it, or None while it runs."""
        with self._lock:
            if self.returncode is None:
                with suppress(BlockingIOError):
                    self.returncode = _number(self._connection)
                    self._connection.close()
            return self.returncode

    def wait(self, timeout: float = math.inf) -> int:
        """Return its exit status when it has ended. Raises subprocess.TimeoutExpired after so many seconds."""
        deadline = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired([f"process {self.pid}"], timeout)
            time.sleep(0.01)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _number(connection: socket.socket) -> int:
    content = connection.recv(NUMBER.size)
    assert content, "the process that forks has ended"
    return int(NUMBER.unpack(content)[0])


def machine_environment() -> dict[str, str]:
    """Return the few variables of this machine that a program under test has."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


@cache
def _address() -> str:
    """Start the process that forks, which ends with this one; return where it listens."""
    folder = tempfile.TemporaryDirectory(prefix="evergreen-")
    address = f"{folder.name}/socket"
    server = subprocess.Popen(
        [sys.executable, "-m", fork_server.__name__, address],
        cwd=ROOT, env=machine_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"

    def end() -> None:
        server.communicate()
        folder.cleanup()

    atexit.register(end)
    return address
