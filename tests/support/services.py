"""What tests need from the machine; with CI=true a missing piece is a failure, elsewhere a loud skip."""

import os
import shutil
import socket
from functools import cache

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
