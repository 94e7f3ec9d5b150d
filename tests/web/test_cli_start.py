"""How commands start, whatever is set up for servers or stands in folders above; and how neither does."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import flask
from tests.support.databases import closed_postgresql
from tests.support.fences import copy_product
from tests.support.live import free_port
from tests.support.settings import PUBLIC_URL, SECRET_KEY
from webapp.config import ROOT

DEVELOPMENT = {"APP_ENV": "development", "SECRET_KEY": SECRET_KEY, "PUBLIC_URL": PUBLIC_URL}


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """The product in a folder below one with a `.env` of something else."""
    copy_product(("gunicorn.conf.py", "migrations", "webapp", "wsgi.py"), tmp_path / "product")
    (tmp_path / ".env").write_text(
        f"GREETING=hello\nDATABASE_URL=sqlite:///{tmp_path}/foreign.db\nSECRET_KEY=hunter2\n"
    )
    return tmp_path / "product"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_command_needs_no_folder_of_the_metrics_and_leaves_nothing_there(tmp_path: Path, is_there: bool) -> None:
    """A server's folder: its workers would be added up with whatever commands have left."""
    folder = tmp_path / "metrics"
    if is_there:
        folder.mkdir()
    database = f"sqlite:///{tmp_path}/evergreen.db"
    done = flask("keys", "new", **DEVELOPMENT, DATABASE_URL=database, PROMETHEUS_MULTIPROC_DIR=str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert list(folder.glob("*")) == []


@pytest.mark.parametrize("command", ["users list", "prepare"])
def test_settings_of_something_else_in_a_folder_above_are_refused_in_one_line(product: Path, command: str) -> None:
    """flask reads them, a server does not: the command would have been for another database."""
    done = flask(*command.split(), cwd=product, APP_ENV="development")
    heading, line = done.stderr.splitlines()
    assert (done.returncode, done.stdout, heading) == (1, "", "Evergreen cannot start:")
    assert line.startswith(f"DATABASE_URL, SECRET_KEY: flask has taken this out of {product.parent}/.env")
    assert "FLASK_SKIP_DOTENV=1" in line
    assert "hunter2" not in line
    assert not (product.parent / "foreign.db").exists()


def test_settings_beside_the_products_own_that_no_server_reads_are_refused(product: Path) -> None:
    """flask reads a `.flaskenv` as well; the server's settings are in `.env`."""
    (product / ".env").write_text("APP_ENV=development\n")
    (product / ".flaskenv").write_text(f"DATABASE_URL=sqlite:///{product}/other.db\n")
    done = flask("prepare", cwd=product)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"DATABASE_URL: flask has taken this out of {product}/.flaskenv" in done.stderr
    assert not (product / "other.db").exists()


def test_settings_of_something_else_that_the_environment_overrules_are_no_hindrance(product: Path) -> None:
    assert flask("keys", "new", cwd=product, **DEVELOPMENT, DATABASE_URL="sqlite:///own.db").returncode == 0


@pytest.mark.parametrize(
    ("folder", "environment"),
    [
        ("product", {}),
        ("product/migrations", {}),
        ("product", {"FLASK_SKIP_DOTENV": "1"}),
        (".", {"FLASK_SKIP_DOTENV": "1"}),
    ],
)
def test_the_products_own_settings_are_taken_wherever_a_command_runs(
    product: Path, folder: str, environment: dict[str, str]
) -> None:
    settings = DEVELOPMENT | {"DATABASE_URL": "sqlite:///own/evergreen.db"}
    (product / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    done = flask("prepare", cwd=product.parent / folder, PYTHONPATH=str(product), **environment)
    assert (done.returncode, "Demo user" in done.stdout) == (0, True), done.stderr
    assert (product / "own/evergreen.db").exists()
    assert not (product.parent / "foreign.db").exists()


@pytest.mark.parametrize("command", ["db upgrade", "db current", "prepare"])
def test_a_migration_without_a_database_ends_with_one_line(tmp_path: Path, command: str) -> None:
    done = flask(*command.split(), **DEVELOPMENT, DATABASE_URL=closed_postgresql(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: The database cannot be used. `flask --app wsgi doctor` says what to mend.\n"


@pytest.mark.parametrize("command", ["doctor", "users list"])
def test_a_file_of_settings_that_is_no_text_is_what_the_doctor_and_others_say(product: Path, command: str) -> None:
    (product / ".env").write_bytes(b"PORT=\xff\n")
    done = flask(*command.split(), cwd=product, FLASK_SKIP_DOTENV="1")
    assert done.returncode == 1
    assert ".env is no text in UTF-8" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def gunicorn(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start a server that is to end by itself."""
    command = [sys.executable, "-m", "gunicorn", "wsgi:app"]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def refused_server(folder: Path, **environment: str) -> str:
    """Return the line with which a server refuses to start."""
    done = gunicorn(folder, PORT=str(free_port()), **environment)
    heading, line = done.stderr.splitlines()
    assert (done.returncode, done.stdout, heading) == (1, "", "Evergreen cannot start:")
    return line


@pytest.mark.parametrize(("name", "said"), [(".env", ".env is no text in UTF-8"), ("instance", "File exists")])
def test_a_server_that_cannot_read_its_settings_or_key_says_so_in_one_line(product: Path, name: str, said: str) -> None:
    (product / name).write_bytes(b"PORT=\xff\n")
    assert said in refused_server(product, APP_ENV="development")


def test_a_server_whose_sqlite_has_no_folder_and_can_make_none_says_so_in_one_line(product: Path) -> None:
    """It would say that it serves, and start workers for ever that all end at once."""
    (product / "file").touch()
    told = refused_server(product, **DEVELOPMENT, DATABASE_URL="sqlite:///file/below/evergreen.db")
    assert "Not a directory" in told


@pytest.mark.parametrize(
    ("host", "advice"),
    [
        ("127.0.0.1", "Address already in use. Stop what runs there, or set PORT."),
        *((host, "Set HOST to an address of this machine.") for host in ("203.0.113.7", "*", "[::1]", "unix:/x.sock")),
    ],
)
def test_a_server_that_cannot_listen_says_what_to_set(tmp_path: Path, host: str, advice: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, database = str(taken.getsockname()[1]), f"sqlite:///{tmp_path}/evergreen.db"
        done = gunicorn(ROOT, **DEVELOPMENT, DATABASE_URL=database, HOST=host, PORT=port)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert line.startswith("Evergreen cannot listen on ")
    assert line.endswith(advice)
    assert ("set PORT" in line) is (host == "127.0.0.1")


@pytest.mark.parametrize("stdin", ["<&-", "</dev/null"])
def test_a_password_that_nobody_can_be_asked_for_is_missed_in_one_line(tmp_path: Path, stdin: str) -> None:
    """Without a terminal, and with standard input closed, as some jobs have it."""
    command = f"exec {sys.executable} -m flask --app wsgi users create a@test.com {stdin}"
    settings = DEVELOPMENT | {"DATABASE_URL": f"sqlite:///{tmp_path}/evergreen.db"}
    how: dict[str, Any] = {"cwd": ROOT, "env": settings, "start_new_session": True, "text": True}
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, check=False, **how)
    assert done.returncode == 1
    assert done.stderr.endswith("Error: Nobody is there to be asked: run this in a terminal, or give --password.\n")
    assert "Traceback" not in done.stderr
