"""Backups under load, and what a restore may not bring back: docs/operations.md, word for word (L16)."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Event

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.faults.clients import TIMEOUT, TRANSPORTS, Client, Session, one_client
from tests.faults.crowds import Crowd, crowd
from tests.faults.servers import kill_all, rows, start_again
from tests.faults.smtp_servers import wait_until
from tests.support.live import LiveServer
from tests.support.services import postgresql_programs
from webapp.config import ROOT

CLIENTS = 8
GONE_BEFORE = 12
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
EXAMPLE = "evergreen@db.example.com"
RESTORED = f"evergreen_restored_{os.getpid()}"


def documented(engine: str) -> tuple[str, str]:
    """Return the two blocks of shell below the engine's heading: how to back up, and how to restore."""
    chapter = OPERATIONS.partition("\n## Backup and restore\n")[2].partition("\n## ")[0]
    [section] = [part for part in chapter.split("\n### ") if part.startswith(f"{engine}\n")]
    backup, restore = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return backup, restore


class Tools:
    """An operator's shell, and where the examples of the documentation are on this machine."""

    def __init__(self, server: LiveServer, folder: Path) -> None:
        self._server, self._folder = server, folder
        self.url = make_url(server.settings["DATABASE_URL"])
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.backup, self.restore = documented("SQLite" if self.is_sqlite else "PostgreSQL")
        self._programs = "" if self.is_sqlite else postgresql_programs()

    def run(self, commands: str) -> str:
        """Run a documented block in an empty folder; return what it printed."""
        host = f"{self.url.username}@{self.url.host}:{self.url.port or 5432}"
        there = {
            "instance/": f"{self._server.folder}/",
            f"{EXAMPLE}/evergreen\n": f"{host}/{self.url.database}\n",
            "evergreen_restored": RESTORED,
            EXAMPLE: host,
        }
        for name, value in there.items():
            commands = commands.replace(name, value)
        path = os.pathsep.join(filter(None, [str(Path(sys.executable).parent), self._programs, os.environ["PATH"]]))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            env={**self._server.settings, "PATH": path},
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def use_restored(self) -> None:
        """Let the server use the database that `DATABASE_URL` names after the restore."""
        if not self.is_sqlite:
            url = self.url.set(database=RESTORED)
            self._server.settings["DATABASE_URL"] = url.render_as_string(hide_password=False)

    def tidy(self) -> None:
        if not self.is_sqlite:
            self._server.settings["DATABASE_URL"] = self.url.render_as_string(hide_password=False)
            server = self.url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {RESTORED} WITH (FORCE)")


@pytest.fixture
def tools(server: LiveServer, tmp_path: Path) -> Iterator[Tools]:
    tools = Tools(server, tmp_path)
    yield tools
    tools.tidy()


def test_a_backup_under_load_is_whole_and_its_restore_signs_everybody_out(server: LiveServer, tools: Tools) -> None:
    """L16, O04: rows that belong together are all there; who has signed out since the backup stays out."""
    with crowd(server, CLIENTS + 1) as clients:
        kept = clients.each(lambda client, transport: client.sign_in(transport), [*TRANSPORTS, *TRANSPORTS])
        gone_before = _back_up_under_load(clients, tools)
    leaver, *stayers = kept
    with one_client(server) as client:
        assert client.call("POST", "/api/logout", bearer=leaver.access).status == 204
        late = client.sign_in("body")  # of which the backup knows nothing
    kill_all(server)

    *rest, revoke = tools.restore.strip().split("\n")
    assert revoke == "flask --app wsgi sessions revoke --all"
    tools.run("\n".join(rest))
    tools.use_restored()
    counts = _counts(server)
    assert counts["sessions"] == counts["sign_in"] > len(kept)
    assert counts["ended"] == counts["session_revoked"] >= len(gone_before)
    alive = {sid for (sid,) in rows(server, "SELECT id FROM auth_sessions WHERE revoked_at IS NULL")}
    assert alive >= {session.sid for session in kept}, "without the last command whoever had signed out would be back"
    assert alive.isdisjoint(session.sid for session in gone_before)

    assert tools.run(revoke) == f"Ended {len(alive)} sessions.\n"
    assert _counts(server)["ended"] == _counts(server)["session_revoked"] == counts["sessions"]
    start_again(server)
    with one_client(server) as client:
        for session in [leaver, late, *stayers, *gone_before[:5]]:
            assert client.me(session.access).code == "session_ended"
            assert client.refresh(session.transport, session.refresh).code == "session_ended"
        again = client.sign_in("body")
        assert client.me(again.access).status == 200
    print(f"L16: backup with {counts}; {len(alive)} sessions would have come back to life, 0 have")


def _back_up_under_load(clients: Crowd, tools: Tools) -> list[Session]:
    """Back up while clients sign in and out; return who had signed out before it began."""
    gone: list[Session] = []
    gone_before: list[Session] = []
    is_done = Event()

    def back_up(_: Client) -> None:
        try:
            wait_until(lambda: len(gone) >= GONE_BEFORE, "nobody signs out", within=TIMEOUT)
            gone_before.extend(gone)
            tools.run(tools.backup)
        finally:
            is_done.set()

    def live(client: Client, transport: str) -> None:
        while not is_done.is_set():
            stays, goes = client.sign_in(transport), client.sign_in(transport)
            assert client.refresh(transport, stays.refresh).status == 200
            assert client.call("POST", "/api/logout", bearer=goes.access).status == 204
            gone.append(goes)

    lives = [partial(live, transport=TRANSPORTS[number % 2]) for number in range(CLIENTS)]
    clients.at_once(lambda client, act: act(client), [back_up, *lives])
    return gone_before


def _counts(server: LiveServer) -> dict[str, int]:
    sql = {
        "sessions": "SELECT count(*) FROM auth_sessions",
        "ended": "SELECT count(*) FROM auth_sessions WHERE revoked_at IS NOT NULL",
        "sign_in": "SELECT count(*) FROM audit_events WHERE kind = 'sign_in'",
        "session_revoked": "SELECT count(*) FROM audit_events WHERE kind = 'session_revoked'",
    }
    return {name: rows(server, query)[0][0] for name, query in sql.items()}
