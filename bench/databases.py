"""Databases to be measured, which are removed at the end, whatever happens."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg


@contextmanager
def temporary_database(kind: str, server: str) -> Iterator[str]:
    """Yield the URL of a new, empty database; `kind` is sqlite or postgresql, `server` where the latter may be made."""
    if kind == "sqlite":
        with TemporaryDirectory(prefix="evergreen-bench-") as folder:
            yield f"sqlite:///{Path(folder) / 'bench.db'}"
        return
    name = f"evergreen_bench_{os.getpid()}_{secrets.token_hex(3)}"
    with psycopg.connect(f"{server.replace('+psycopg', '')}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{server}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
