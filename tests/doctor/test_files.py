"""The doctor on files: modes, owners, folders and room, of real files."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from flask import Flask

from tests.doctor.conftest import NOBODY, complaints, unprivileged
from tests.support.databases import fresh_database
from webapp.doctor import files


@pytest.mark.parametrize(
    ("name", "mode"),
    [(".env", 0o644), ("instance/secret_key", 0o640), ("instance/evergreen.db", 0o644)],
)
def test_a_file_with_secrets_that_others_can_read_is_found_and_its_remedy_works(
    clinic: Callable[..., Flask], tmp_path: Path, instance: Path, name: str, mode: int
) -> None:
    app, path = clinic(), tmp_path / name
    path.touch()
    path.chmod(mode)
    path.parent.chmod(0o755)
    complaints(app)  # which makes the files beside a database
    found = complaints(app)
    assert found.keys() == {"file-readable"}
    assert str(path) in found["file-readable"]
    command, mode_wanted, *names = found["file-readable"].partition(": ")[2].split()
    assert command == "chmod"
    for each in names:
        os.chmod(each, int(mode_wanted, 8))
    assert complaints(app) == {}


def test_a_file_that_the_group_of_the_service_reads_is_no_finding(clinic: Callable[..., Flask], tmp_path: Path) -> None:
    (tmp_path / ".env").touch()
    (tmp_path / ".env").chmod(0o640)
    tmp_path.chmod(0o755)
    assert complaints(clinic()) == {}


@pytest.mark.parametrize("name", [".env", "old/.env.production", "backup.sql", "evergreen.db", "secret_key"])
def test_secrets_in_the_folder_that_is_served_are_found(
    clinic: Callable[..., Flask], tmp_path: Path, name: str
) -> None:
    path = tmp_path / "static" / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    found = complaints(clinic())
    assert found.keys() == {"file-served"}
    assert f"{path} is in the folder that is served" in found["file-served"]


def test_a_database_and_mails_in_the_folder_that_is_served_are_found(
    clinic: Callable[..., Flask], tmp_path: Path, instance: Path
) -> None:
    served = tmp_path / "static"
    assert complaints(clinic(mail_url=f"file://{served}/post")).keys() == {"file-served", "mail-in-folder"}
    served.chmod(0o700)
    shutil.copy(instance / "evergreen.db", served / "accounts")
    found = complaints(clinic(database_url=f"sqlite:///{served}/accounts"))
    assert found.keys() == {"file-served"}


@pytest.fixture
def open_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that everybody can get to, which pytest's own are not."""
    monkeypatch.setattr(files, "STATIC", Path("/nowhere"))
    with TemporaryDirectory(prefix="evergreen-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_a_folder_that_cannot_be_written_is_found(
    make_app: Callable[..., Flask], sound: dict[str, Any], open_folder: Path
) -> None:
    folder = open_folder
    (folder / "mail").mkdir()
    app = make_app(**{**sound, "database_url": f"sqlite:///{folder}/new.db", "mail_url": f"file://{folder}/mail"})
    folder.chmod(0o555)
    with unprivileged():
        found = complaints(app)
    folder.chmod(0o755)
    assert found.keys() == {"folder-closed", "mail-in-folder", "migrations-behind"}
    assert f"install -d -o USER -m 700 {folder}/mail for" in found["folder-closed"]


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_a_database_file_that_cannot_be_written_is_found_and_its_remedy_works(
    make_app: Callable[..., Flask], sound: dict[str, Any], open_folder: Path, ending: str
) -> None:
    """Though its folder can: everything is read, and nobody can sign in."""
    url = fresh_database("sqlite", open_folder)
    files_beside = [open_folder / f"evergreen.db{end}" for end in ("", "-wal", "-shm")]
    app = make_app(**sound, database_url=url)
    complaints(app)  # which makes the files beside
    for path in (open_folder, *files_beside):
        path.touch()
        shutil.chown(path, NOBODY if os.geteuid() == 0 else os.geteuid())
    path = open_folder / f"evergreen.db{ending}"
    path.chmod(0o444)
    with unprivileged():
        found = complaints(app)
        message = found["file-closed"]
        os.chmod(message.rpartition(" ")[2], 0o600)
        assert "file-closed" not in complaints(app)
    assert f"{path} cannot be written by" in message
    assert f"chown it to the user who serves, and chmod 600 {path}" in message
    assert "file-owner" not in found


def test_what_lies_beside_a_database_is_closed_as_well(clinic: Callable[..., Flask], instance: Path) -> None:
    """What was written last is there. The folder may be everybody's, and is left alone."""
    app, beside = clinic(), [instance / f"evergreen.db{ending}" for ending in ("", "-wal", "-shm")]
    for path in beside:
        path.touch()
        path.chmod(0o644)
    instance.chmod(0o755)
    (message,) = complaints(app).values()
    assert message.endswith(f"chmod 600 {' '.join(map(str, beside))}")


def test_a_mail_folder_that_could_not_be_made_is_named_and_nothing_of_the_system_is(
    make_app: Callable[..., Flask], sound: dict[str, Any], open_folder: Path
) -> None:
    app = make_app(**{**sound, "mail_url": f"file://{open_folder}/mail"})
    with unprivileged():
        found = complaints(app)
    assert f"install -d -o USER -m 700 {open_folder}/mail for" in found["folder-closed"]
    assert f"700 {open_folder} " not in found["folder-closed"]


def test_a_mail_folder_that_the_first_mail_will_make_is_no_fault(clinic: Callable[..., Flask], tmp_path: Path) -> None:
    """As on a fresh clone, where not even instance/ is there."""
    assert complaints(clinic(mail_url=f"file://{tmp_path}/none/mail")).keys() == {"mail-in-folder"}


def test_who_may_not_even_look_into_the_folder_is_told_so(
    make_app: Callable[..., Flask], sound: dict[str, Any], open_folder: Path
) -> None:
    """As somebody who runs the doctor under another name than the server's; no traceback."""
    inside = open_folder / "instance"
    app = make_app(**sound, database_url=f"sqlite:///{inside}/evergreen.db")
    (inside / "evergreen.db").touch()
    inside.chmod(0o000)
    with unprivileged():
        found = complaints(app)
    inside.chmod(0o700)
    assert found.keys() == {"folder-closed", "database-unreachable"}
    assert f"install -d -o USER -m 700 {inside} for" in found["folder-closed"]


def test_a_disk_that_is_nearly_full_is_found(clinic: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LEAST_FREE", 2**60)
    found = complaints(clinic())
    assert found.keys() == {"disk-full"}
    assert "events purge" in found["disk-full"]


def test_a_database_of_another_user_is_found(
    clinic: Callable[..., Flask], instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = clinic()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    found = complaints(app)
    assert found.keys() == {"file-owner"}
    assert "as user 12345: run commands as the user who serves" in found["file-owner"]
