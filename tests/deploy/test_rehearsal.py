"""docs/deploy.md rehearsed: its blocks run one after the other, in folders of the test, on a PostgreSQL of its own.

The product's commands, PostgreSQL's, the shell's and deploy/restart.sh are the real ones. What would install, start or
ask for something on the machine only notes that it was called: SHAMS."""

import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.faults.postgresql_cluster import Cluster, cluster
from tests.support.fences import copy_product, fence, fences, replaced, shell

DOCUMENT = "docs/deploy.md"
OPERATIONS = "docs/operations.md"
NOTE = 'echo "$(basename "$0") $*" >> "$ROOT/called"\n'
PASSWORD = "quite another 7 words"
RELEASE = ("Dockerfile", "compose.yaml", "deploy", "gunicorn.conf.py", "migrations", "requirements.txt", "static",
           "templates", "webapp", "wsgi.py", ".env.example")  # fmt: skip
SHAMS = {
    **dict.fromkeys(("apt-get", "useradd", "systemctl", "nginx", "certbot", "docker", "pip", "ss", "curl"), ""),
    "git": 'if [ "$1" = clone ]; then for last; do :; done; cp -R "$ROOT/release" "$last"; fi',
    "python3": 'mkdir -p .venv/bin && cp "$ROOT/bin/flask" "$ROOT/bin/pip" .venv/bin/',
    "flask": f'exec {sys.executable} -m flask "$@"',
    "editor": 'cat "$ROOT/edited" > "$1"',
    # The user of the system who may do everything in PostgreSQL, by its socket; root is nobody there.
    "su": 'PGHOST=127.0.0.1 PGPORT="$(cat "$ROOT/port")" PGUSER=postgres exec sh -c "$3"',
    "runuser": 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    # There is no such user and no such group on this machine.
    "install": f"""for word; do shift; case "$word" in --owner=*|--group=*) ;; *) set -- "$@" "$word" ;; esac; done
exec {shutil.which("install")} "$@" """,
}
# Docker that runs what is said to a container: `exec` in the database's, `run` in the product's.
INSIDE = """[ "$1 $2" = "compose exec" ] || [ "$1 $2" = "compose run" ] || exit 0
word=$2; shift 4  # a service comes after one option
[ "$word" = run ] || { PGHOST=127.0.0.1 PGPORT="$(cat "$ROOT/port")" exec "$@"; }
[ $# != 0 ] || set -- flask --app wsgi prepare
exec "$@"
"""


@dataclass(frozen=True)
class Machine:
    """A folder that stands for a machine's root."""

    root: Path
    settings: Mapping[str, str]

    def run(self, block: str, folder: str = "") -> str:
        """Run a block with its folders below ours; return what it printed."""
        here = re.sub(r"(?<![\w.:])/(?=(?:opt|etc|var)/)", f"{self.root}/", block)
        return shell(here, self.settings, self.root / folder, given=f"{PASSWORD}\n{PASSWORD}\n")

    @property
    def called(self) -> list[str]:
        return (self.root / "called").read_text().splitlines()

    def is_link_to(self, link: str, target: str) -> bool:
        return (self.root / link).resolve() == self.root / target


@pytest.fixture(scope="module")
def database() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture(scope="module")
def machine(database: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    root = tmp_path_factory.mktemp("machine").resolve()
    copy_product(RELEASE, root / "release")
    for name in ("bin", "etc/systemd/system", "etc/nginx/conf.d", "etc/nginx/sites-enabled", "opt", "var/backups"):
        (root / name).mkdir(parents=True)
    for name, script in SHAMS.items():
        (root / "bin" / name).write_text(f"#!/bin/sh\n{NOTE}{script}\n")
        (root / "bin" / name).chmod(0o755)
    (root / "port").write_text(str(database.port))
    settings = {
        "ROOT": str(root),
        "PATH": os.pathsep.join([str(root / "bin"), str(database.programs), os.environ["PATH"]]),
        "SITE": str(root / "etc/nginx/conf.d/evergreen.conf"),
    }
    return Machine(root, settings)


def chapter(begin: str, end: str) -> list[str]:
    """Return the blocks from the one that begins so to the other, without the latter."""
    blocks = [text for _, text in fences(DOCUMENT)]
    first, last = blocks.index(fence(DOCUMENT, begin)), blocks.index(fence(DOCUMENT, end))
    return blocks[first:last]


@pytest.fixture(scope="module")
def installed(machine: Machine, database: Cluster) -> Machine:
    """The machine after the chapter "Plainly", whose settings go into the file that the editor is opened with."""
    settings = fence(DOCUMENT, "APP_ENV=production")
    there = {
        "SECRET_KEY=…": f"SECRET_KEY={secrets.token_urlsafe(48)}",
        "smtp://…": f"file://{machine.root}/mail",
        "postgresql+psycopg:///evergreen?host=/var/run/postgresql": database.url_of("evergreen", "evergreen"),
        "redis://127.0.0.1:6379/0": "memory://",
    }
    (machine.root / "edited").write_text(replaced(settings, there))
    blocks = chapter("apt-get install", "flask --app wsgi sessions revoke --all")
    blocks.remove(settings)
    printed = machine.run("".join(blocks))
    # What the settings that a test needs leave to be mended, and nothing else.
    found = re.findall(r"^(?:fail|warn) +(\w+):", printed, re.MULTILINE)
    assert found == ["limits", "mail", "administrator"], printed
    return machine


def test_an_installation_by_the_document_is_whole(installed: Machine, database: Cluster) -> None:
    assert installed.is_link_to("opt/evergreen/current/.env", "etc/evergreen/env")
    assert (installed.root / "etc/evergreen/env").stat().st_mode & 0o777 == 0o640
    units = {path.name for path in (installed.root / "etc/systemd/system").iterdir()}
    assert units == {"evergreen@.service", "evergreen-purge.service", "evergreen-purge.timer"}
    assert "accounts.example.com" not in (installed.root / "etc/nginx/conf.d/evergreen.conf").read_text()
    assert "systemctl enable --now evergreen@8000 evergreen@8001 evergreen-purge.timer" in installed.called
    with psycopg.connect(database.url_of("evergreen", "evergreen").replace("+psycopg", "")) as connection:
        [row] = connection.execute("SELECT email, is_admin, email_verified FROM users").fetchall()
    assert row == ("you@example.com", True, True)


def test_the_user_who_serves_has_a_folder_of_its_own_before_its_first_command(installed: Machine) -> None:
    """For the file of SQLite: nobody but root makes folders in /var/lib."""
    home = installed.root / "var/lib/evergreen"
    assert home.stat().st_mode & 0o777 == 0o700
    programs = [line.split()[0] for line in installed.called]
    made = f"install --directory --owner=evergreen --group=evergreen --mode=700 {home}"
    assert programs.index("useradd") < installed.called.index(made) < programs.index("runuser")


def test_after_a_restore_everybody_is_signed_out(installed: Machine) -> None:
    block = fence(DOCUMENT, "flask --app wsgi sessions revoke --all")
    assert installed.run(block, "opt/evergreen/current") == "Ended 0 sessions.\n"


def test_an_upgrade_by_the_document_is_whole(installed: Machine) -> None:
    printed = installed.run(fence(DOCUMENT, "git clone --branch"))
    assert "evergreen@8000 serves.\nevergreen@8001 serves.\n" in printed
    new = re.findall(r"ln -sfn /(\S+) ", fence(DOCUMENT, "git clone --branch"))
    assert installed.is_link_to("opt/evergreen/current", new[0])
    [backup] = (installed.root / "var/backups").iterdir()
    assert backup.read_bytes().startswith(b"PGDMP")
    assert backup.stat().st_mode & 0o777 == 0o600


def test_a_restore_with_compose_is_whole(installed: Machine, database: Cluster) -> None:
    """What runs inside the containers runs on this machine here, in the release that is served."""
    (installed.root / "bin/docker").write_text(f"#!/bin/sh\n{INSIDE}")
    backup, restore = fence(OPERATIONS, "(umask 077; docker"), fence(OPERATIONS, "docker compose stop app purge")
    installed.run(backup, "opt/evergreen/current")
    assert (installed.root / "opt/evergreen/current/evergreen.dump").stat().st_mode & 0o777 == 0o600
    database.execute("DELETE FROM users", database="evergreen")
    assert "Ended 0 sessions.\n" in installed.run(restore, "opt/evergreen/current")
    url = database.url_of("evergreen", "evergreen").replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT email FROM users").fetchall() == [("you@example.com",)]
        connection.execute("SELECT FROM users FOR UPDATE")
        is_open = "SELECT has_database_privilege('public', 'evergreen', 'CONNECT')"
        assert connection.execute(is_open).fetchone() == (False,)


def test_the_blocks_for_compose_run(machine: Machine) -> None:
    shutil.rmtree(machine.root / "opt")
    (machine.root / "opt").mkdir()
    (machine.root / "bin/docker").write_text(f"#!/bin/sh\n{NOTE}")
    (machine.root / "edited").touch()  # by whichever test comes first
    machine.run(fence(DOCUMENT, "git clone https://example.com/evergreen.git /opt/evergreen && cd"))
    assert (machine.root / "opt/evergreen/.env").stat().st_mode & 0o777 == 0o600
    machine.run(fence(DOCUMENT, "git fetch --tags"), "opt/evergreen")
    words = [line.split()[2] for line in machine.called if line.startswith("docker compose")]
    assert words == ["up", "exec", "exec", "exec", "build", "run", "up"]
