"""A PostgreSQL server of the test's own, which may die and hang without troubling any other test."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psutil
import psycopg
import pytest

from tests.support import people
from tests.support.databases import close_connections, migrate
from tests.support.live import free_port
from tests.support.services import missing
from tests.support.settings import make_settings
from webapp import create_app
from webapp.config import Settings

PATIENCE = 30  # seconds
OWNER = "postgres"
# What a server of PostgreSQL refuses to run as; these users are nobody's.
UNPRIVILEGED = (OWNER, "nobody")


@dataclass
class Cluster:
    """A server over a data folder. `url` and `url_of` give addresses as DATABASE_URL has them."""

    folder: Path
    programs: Path
    port: int
    identity: dict[str, Any]  # arguments of Popen: who runs it
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.url_of(OWNER)

    def url_of(self, role: str, database: str = "postgres") -> str:
        return f"postgresql+psycopg://{role}@127.0.0.1:{self.port}/{database}"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    def start(self) -> None:
        """Start the server; return when it answers."""
        command = [self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-p", str(self.port)]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "-h", "127.0.0.1", "-F"], cwd=self.folder, stdout=log, stderr=log, **self.identity
            )
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.process and self.process.poll() is None and time.monotonic() < deadline:
            with suppress(psycopg.OperationalError):
                self.execute("SELECT 1")
                return
            time.sleep(0.02)
        raise AssertionError(f"PostgreSQL does not answer:\n{self.log}")

    def execute(self, statement: str, *, role: str = OWNER, database: str = "postgres") -> None:
        url = self.url_of(role, database).replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            connection.execute(statement.encode())

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End the server: SIGQUIT at once and without tidying up (immediate), SIGINT politely (fast)."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE)

    def hang(self) -> None:
        """Stop every process of the server where it is: its sockets stay open, and nobody answers."""
        postmaster = self._postmaster()
        postmaster.suspend()  # first, so that it gets no more children
        for process in postmaster.children(recursive=True):
            process.suspend()

    def go_on(self) -> None:
        """Let what `hang` has stopped go on."""
        postmaster = self._postmaster()
        for process in (*postmaster.children(recursive=True), postmaster):
            with suppress(psutil.NoSuchProcess):  # whose visitor has gone comes to its end, now that it may
                process.resume()

    def _postmaster(self) -> psutil.Process:
        assert self.process
        return psutil.Process(self.process.pid)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running server over an empty cluster, until the block ends."""
    programs, identity = _programs(), _identity()
    folder = Path(mkdtemp(prefix="evergreen-pg-"))  # not in pytest's, which other users cannot enter
    if identity:
        shutil.chown(folder, identity["user"], identity["group"])
    command = [programs / "initdb", "-D", folder / "data", "-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-locale"]
    made = subprocess.run([*command, "--no-sync"], cwd=folder, capture_output=True, text=True, check=False, **identity)
    assert made.returncode == 0, made.stderr
    server = Cluster(folder, programs, free_port(), identity)
    try:
        server.start()
        yield server
    finally:
        if server.process and server.process.poll() is None:
            server.go_on()
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def furnish(url: str) -> None:
    """Give a database of the cluster the newest schema, and John Doe."""
    with pytest.MonkeyPatch.context() as environment:
        for name in Settings.model_fields:
            environment.delenv(name.upper(), raising=False)
        migrate(url)
        app = create_app(make_settings(database_url=url))
        people.create_user(app)
        with app.app_context():
            close_connections()


def _programs() -> Path:
    """Return the folder with initdb and postgres, of the newest version that is installed."""
    asked = shutil.which("pg_config")
    named = [subprocess.run([asked, "--bindir"], capture_output=True, text=True, check=True).stdout] if asked else []
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    for folder in (*(Path(name.strip()) for name in named), *reversed(installed)):
        if all((folder / name).exists() for name in ("initdb", "postgres")):
            return folder
    missing("the PostgreSQL server's programs (initdb, postgres)")
    raise AssertionError("unreachable")


def _identity() -> dict[str, Any]:
    """Return as whom Popen starts the server: nobody else, unless root asks, as whom it does not run."""
    if os.geteuid() != 0:
        return {}
    names = {user.pw_name for user in pwd.getpwall()}
    name = next((name for name in UNPRIVILEGED if name in names), None)
    if name is None:
        missing("a user as whom PostgreSQL runs")
        raise AssertionError("unreachable")
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
