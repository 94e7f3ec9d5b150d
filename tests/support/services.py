"""What tests need from the machine; with CI=true a missing piece is a failure, elsewhere a loud skip."""

import os
import shutil
import socket
import subprocess
from functools import cache
from pathlib import Path

import pytest

POSTGRESQL = os.environ.get("TEST_POSTGRESQL_URL", "postgresql+psycopg://root@127.0.0.1:5432")


def missing(what: str) -> None:
    """Skip the test, or fail it where everything has to be there."""
    message = f"{what} is not available on this machine: what this test shows has NOT been shown"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@cache
def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def require_postgresql() -> None:
    if not _listens(5432):
        missing("PostgreSQL on 127.0.0.1:5432")


def require_program(*names: str) -> str:
    """Return the path of the first of the programs that is installed."""
    for name in names:
        if path := shutil.which(name):
            return path
    missing(" or ".join(names))
    raise AssertionError("unreachable")


def postgresql_programs() -> str:
    """Return the folder of PostgreSQL's own programs, which Debian keeps off the PATH: pg_dump, initdb, pg_ctl."""
    if config := shutil.which("pg_config"):
        folder = Path(subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True).stdout.strip())
        if (folder / "pg_dump").exists():
            return str(folder)
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"), key=lambda path: float(path.parts[-3]))
    return str(found[-1].parent if found else Path(require_program("pg_dump")).parent)
