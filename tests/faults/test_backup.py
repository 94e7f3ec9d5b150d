"""Backups under load, and what a restore may not bring back: docs/operations.md, word for word (L16)."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from tests.faults.clients import TIMEOUT, TRANSPORTS, Client, Session, one_client
from tests.faults.crowds import Crowd, crowd
from tests.faults.postgresql_cluster import OWNER, Cluster, furnish
from tests.faults.roles import one_role, two_roles
from tests.faults.servers import WORKERS, kill_all, rows, start_again, wait_for_workers
from tests.support import people
from tests.support.fences import shell
from tests.support.live import LiveServer, serve
from tests.support.services import postgresql_programs
from tests.support.settings import PUBLIC_URL
from tests.support.waiting import wait_until
from webapp.config import ROOT

CLIENTS = 8
GONE_BEFORE = 12
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
RESTORED = "evergreen_restored"


def documented(engine: str) -> tuple[str, str]:
    """Return the blocks of shell below the engine's heading: how to back up, and how to restore."""
    chapter = OPERATIONS.partition("\n## Backup and restore\n")[2].partition("\n## ")[0]
    [section] = [part for part in chapter.split("\n### ") if part.startswith(f"{engine}\n")]
    backup, *restore = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return backup, "".join(restore)


@dataclass
class Tools:
    """An operator's shell, and where the examples of the documentation are on this machine."""

    server: LiveServer
    folder: Path
    database: Cluster | None  # none with SQLite
    owner: str

    @property
    def blocks(self) -> tuple[str, str]:
        return documented("PostgreSQL" if self.database else "SQLite")

    def run(self, commands: str) -> str:
        """Run a documented block in the operator's folder; return what it printed."""
        there = {"instance/": f"{self.server.folder}/"}
        path = [str(Path(sys.executable).parent), os.environ["PATH"]]
        superuser: dict[str, str] = {}
        if self.database:
            there = {f"--{option}=evergreen ": f"--{option}={self.owner} " for option in ("owner", "role")}
            there["db.example.com"] = f"127.0.0.1:{self.database.port}"
            path.insert(1, postgresql_programs())
            superuser = {"PGHOST": "127.0.0.1", "PGPORT": str(self.database.port), "PGUSER": OWNER}
        for name, value in there.items():
            commands = commands.replace(name, value)
        settings = {**self.server.settings, **superuser, "PATH": os.pathsep.join(path)}
        return shell(commands, settings, self.folder)

    def use_restored(self) -> None:
        """Let the server use the database that `DATABASE_URL` names after the restore."""
        if self.database:
            self.server.settings["DATABASE_URL"] = self.database.url_of("evergreen", RESTORED)

    def owners(self) -> set[str]:
        """Return who owns the tables that the server uses."""
        if not self.database:
            return set()
        tables = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        return {owner for (owner,) in rows(self.server, tables)}


# Who owns the tables, and what makes the database; SQLite has no roles.
ROLES = {"SQLite": ("", None), "one role": ("evergreen", one_role), "two roles": ("evergreen_owner", two_roles)}


@pytest.fixture(scope="module", params=list(ROLES))
def roles(request: pytest.FixtureRequest) -> Iterator[tuple[Cluster | None, str]]:
    """The database's server, and who owns the tables."""
    owner, make = ROLES[request.param]
    with make() if make else nullcontext() as running:
        yield running, owner


@pytest.fixture(scope="module")
def running(roles: tuple[Cluster | None, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The product over a database with John Doe in it, as the role that serves."""
    database, _ = roles
    folder = tmp_path_factory.mktemp("backup")
    url = database.url_of("evergreen", "evergreen") if database else people.database_with_john(folder)
    if database:
        furnish(url)
    with serve(folder, url, workers=WORKERS, public_url=PUBLIC_URL) as server:
        wait_for_workers(server)
        try:
            yield server
        finally:
            kill_all(server)


@pytest.fixture
def tools(server: LiveServer, roles: tuple[Cluster | None, str], tmp_path: Path) -> Tools:
    return Tools(server, tmp_path, *roles)


def test_a_backup_under_load_is_whole_and_its_restore_signs_everybody_out(server: LiveServer, tools: Tools) -> None:
    """L16, O04: rows that belong together are all there; who has signed out since the backup stays out."""
    backup, restore = tools.blocks
    with crowd(server, CLIENTS + 1) as clients:
        kept = clients.each(lambda client, transport: client.sign_in(transport), [*TRANSPORTS, *TRANSPORTS])
        gone_before = _back_up_under_load(clients, partial(tools.run, backup))
    leaver, *stayers = kept
    with one_client(server) as client:
        assert client.call("POST", "/api/logout", bearer=leaver.access).status == 204
        late = client.sign_in("body")  # of which the backup knows nothing
    kill_all(server)

    owners = tools.owners()
    *rest, revoke = restore.strip().split("\n")
    assert revoke == "flask --app wsgi sessions revoke --all"
    tools.run("\n".join(rest))
    tools.use_restored()
    assert tools.owners() == owners
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


def _back_up_under_load(clients: Crowd, backup: Callable[[], str]) -> list[Session]:
    """Back up while clients sign in and out; return who had signed out before it began."""
    gone: list[Session] = []
    gone_before: list[Session] = []
    is_done = Event()

    def back_up(_: Client) -> None:
        try:
            wait_until(lambda: len(gone) >= GONE_BEFORE, "nobody signs out", within=TIMEOUT)
            gone_before.extend(gone)
            backup()
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
