"""What PostgreSQL's image runs over an empty volume: a role of the product's own, and a superuser nobody can be from
outside."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from pathlib import Path

import psycopg
import pytest
from flask_migrate import upgrade
from sqlalchemy import make_url

from tests.support.databases import close_connections
from tests.support.live import free_port
from tests.support.services import missing, require_program
from tests.support.settings import make_settings
from webapp import create_app
from webapp.config import ROOT
from webapp.database import db
from webapp.doctor import postgresql

PASSWORD = 'it\'s-$a-"password"-\\with-marks'


@dataclass(frozen=True)
class Server:
    folder: Path
    port: int

    def url(self, role: str, database: str, password: str = PASSWORD) -> str:
        address = make_url(f"postgresql+psycopg://{role}@127.0.0.1:{self.port}/{database}")
        return address.set(password=password).render_as_string(hide_password=False)

    def connect(self, role: str, database: str, password: str = PASSWORD) -> psycopg.Connection:
        return psycopg.connect(self.url(role, database, password).replace("+psycopg", ""), autocommit=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server as the image makes it: the superuser has the password, trusted on the socket, asked for it by TCP."""
    programs = sorted(glob("/usr/lib/postgresql/*/bin/pg_ctl"))
    if not programs:
        missing("PostgreSQL's own programs (pg_ctl, initdb)")
    require_program("psql")
    server = Server(Path(tempfile.mkdtemp(prefix="evergreen-role-")), free_port())
    (server.folder / "password").write_text(PASSWORD)
    if os.geteuid() == 0:
        for path in (server.folder, server.folder / "password"):
            shutil.chown(path, "postgres", "postgres")
    data = str(server.folder / "data")
    options = ["--username=postgres", "--auth-host=scram-sha-256", "--auth-local=trust", "--encoding=UTF8", "--no-sync"]
    start = f"-h 127.0.0.1 -p {server.port} -k {server.folder} -F"
    _as_postgres(
        [programs[-1], "initdb", "-s", "-D", data, "-o", " ".join([*options, f"--pwfile={server.folder}/password"])]
    )
    _as_postgres([programs[-1], "start", "-s", "-w", "-D", data, "-l", f"{server.folder}/log", "-o", start])
    try:
        subprocess.run(
            [ROOT / "deploy/postgresql-role.sh"],
            # As compose.yaml gives it to PostgreSQL's image, which hands its environment on to its scripts.
            env={
                "PATH": os.environ["PATH"],
                "POSTGRES_PASSWORD": PASSWORD,
                "PGHOST": str(server.folder),
                "PGPORT": str(server.port),
            },
            check=True,
        )
        yield server
    finally:
        _as_postgres([programs[-1], "stop", "-s", "-m", "immediate", "-D", data])
        shutil.rmtree(server.folder)


def _as_postgres(command: list[str]) -> None:
    """PostgreSQL refuses to run as root."""
    become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    subprocess.run([*become, *command], check=True, cwd="/", stdout=subprocess.DEVNULL)


def test_the_role_makes_the_tables_and_the_doctor_has_nothing_to_say_against_it(server: Server) -> None:
    """O06."""
    app = create_app(make_settings(database_url=server.url("evergreen", "evergreen")))
    with app.app_context():
        upgrade()
        findings = list(postgresql.examine(db.session, app.extensions["settings"]))
        db.session.remove()
        close_connections()
    complaints = {finding.code for finding in findings if finding.level != "ok"}
    assert complaints <= {"postgresql-connections", "postgresql-version"}, complaints


def test_the_role_is_no_superuser_and_sees_its_own_database_only(server: Server) -> None:
    with server.connect("evergreen", "evergreen") as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (False, False, False, False)
        public = connection.execute("SELECT has_database_privilege('public', 'evergreen', 'CONNECT')").fetchone()
        assert public == (False,)


@pytest.mark.parametrize(
    ("role", "password"), [("evergreen", "wrong"), ("evergreen", ""), ("postgres", PASSWORD), ("postgres", "")]
)
def test_nobody_gets_in_by_tcp_without_the_roles_password(server: Server, role: str, password: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"authentication failed|no password"):
        server.connect(role, "evergreen" if role == "evergreen" else "postgres", password)
