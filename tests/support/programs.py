"""Programs, of Node.js above all: installed once, without this machine's environment, ended with all their children."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from tests.support.services import missing, require_program

PATIENCE = 60  # seconds
INSTALLS_WITHIN = 300
STAMP = "node_modules/installed"
NO_REGISTRY = re.compile(r"code (E(NOTFOUND|AI_AGAIN|CONN\w+|TIMEDOUT|NOTCACHED)|ERR_SOCKET_TIMEOUT)")


def install(folder: Path) -> Path:
    """Have node_modules of `folder` as its lock file says, by `npm ci` if it has changed since the last time."""
    lock, stamp = folder / "package-lock.json", folder / STAMP
    with lock.open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # other workers of pytest may need the same folder
        if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
            npm("ci", cwd=folder)
            stamp.touch()
    return folder


def npm(*arguments: str, cwd: Path) -> str:
    """Run npm, with this machine's settings of it; return what it printed."""
    options = ["--prefer-offline", "--no-audit", "--no-fund"]
    done = run([require_program("npm"), *arguments, *options], cwd=cwd, env=os.environ, patience=INSTALLS_WITHIN)
    if done.returncode and NO_REGISTRY.search(done.stderr):
        missing("the npm registry")
    assert done.returncode == 0, done.stderr
    return done.stdout


def clean_environment(**more: str) -> dict[str, str]:
    """No proxy, no NODE_OPTIONS, no CI, no colours of this machine."""
    return {"PATH": os.environ["PATH"], "NO_COLOR": "1", **more}


@contextmanager
def killed_in_time(program: subprocess.Popen[str]) -> Iterator[None]:
    """Kill a program that runs still when patience is at its end: whoever reads its lines would wait without end."""
    end = Timer(PATIENCE, program.kill)
    end.start()
    try:
        yield
    finally:
        end.cancel()


@contextmanager
def started(
    command: list[str], *, cwd: Path, env: Mapping[str, str], output: int | None = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """A running program; if it runs still at the end of the block, it and whatever it has started are killed."""
    program = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        text=True,
        start_new_session=True,
    )
    try:
        yield program
    finally:
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
        program.communicate()


def run(
    command: list[str], *, cwd: Path, env: Mapping[str, str], given: str = "", patience: float = PATIENCE
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with `given` as its standard input."""
    with started(command, cwd=cwd, env=env) as program:
        out, err = program.communicate(given, timeout=patience)
        return subprocess.CompletedProcess(command, program.returncode, out, err)


def copy_without_modules(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target, ignore=shutil.ignore_patterns("node_modules", "dist")))
