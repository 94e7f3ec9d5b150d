"""The process that forks programs of Python: it has imported the product's libraries, and they end without taking them
apart.

What is the product's, or looks at the environment when it is imported, a program imports itself; but gunicorn, all of
whose settings of that kind gunicorn.conf.py makes. Variables of Python itself (PYTHON...) have no effect. Started and
asked by forked.py alone."""

import ast
import atexit
import importlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from runpy import run_module
from typing import Final, NoReturn

# Not webapp.config's, which would import the product.
ROOT: Final = Path(__file__).resolve().parents[2]
SOURCES: Final = ("webapp", "gunicorn.conf.py")
# The product itself; and what decides when it is imported where it counts.
NOT_BEFORE: Final = ("webapp", "prometheus_client")
NUMBER: Final = struct.Struct("i")
OF_GUNICORN: Final = ("gunicorn.app.wsgiapp", "gunicorn.workers.gthread", "gunicorn.glogging")


def _libraries() -> Iterator[str]:
    """Yield the names of the modules of others that the product imports when it is imported."""
    for source in SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.Import):
                    yield from (name.name for name in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    yield node.module


def _serve(address: str) -> None:
    for name in (*OF_GUNICORN, *_libraries()):
        if name.split(".")[0] not in NOT_BEFORE:
            importlib.import_module(name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, for those who test
    ended, wake = socket.socketpair()
    for end in (ended, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    waiting: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        for file in (sys.stdin, listener, ended):
            selector.register(file, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if sys.stdin in ready:  # at its end: who tested is gone
                Path(address).unlink()
                for pid in waiting:
                    os.kill(pid, signal.SIGTERM)
                return
            if listener in ready:
                connection, _ = listener.accept()
                pid = _fork(connection)
                waiting[pid] = connection
                connection.sendall(NUMBER.pack(pid))
            if ended in ready:
                ended.recv(4096)
                _tell(waiting)


def _tell(waiting: dict[int, socket.socket]) -> None:
    """Tell those who wait for them of the children that have ended."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            with waiting.pop(pid) as connection, suppress(BrokenPipeError):
                connection.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))


def _fork(connection: socket.socket) -> int:
    asked = json.loads(connection.makefile().readline())
    pid = os.fork()
    if pid == 0:
        _become(asked["module"], asked["arguments"], asked["env"], asked["log"])
    return pid


def _become(module: str, arguments: Sequence[str], env: Mapping[str, str], log: str) -> NoReturn:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    os.dup2(1, 2)
    for number in map(int, os.listdir("/dev/fd")):  # not as many as may be open: without a limit that takes minutes
        if number > 2:
            with suppress(OSError):
                os.close(number)
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None  # what an import may have found out
    sys.argv = [module, *arguments]
    status = 0
    try:
        run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    # As an interpreter ends, without the third of a second in which it frees what the system frees anyhow; each worker
    # that was forked comes by here, too.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _serve(sys.argv[1])
