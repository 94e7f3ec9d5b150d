"""The doctor on SQLite and on the schema, whichever database holds it."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, text, update

from tests.doctor.conftest import WAL_BUG_FIXED, complaints, disconnect, findings, run
from tests.faults.servers import wait_for_workers
from tests.support.databases import close_connections, fresh_database
from tests.support.live import serve
from webapp.database import db
from webapp.doctor import places, sqlite
from webapp.models import User


def test_a_version_that_may_damage_files_is_found(
    clinic: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "WAL_BUG_FIXED", ((3, 999, 0),))
    found = complaints(clinic())
    assert found.keys() == {"sqlite-version"}
    assert "or PostgreSQL" in found["sqlite-version"]


@pytest.fixture
def real_versions(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "WAL_BUG_FIXED", WAL_BUG_FIXED)


@pytest.mark.parametrize(
    ("version", "is_affected"),
    [
        *(((3, 40, 1), True), ((3, 44, 5), True), ((3, 46, 1), True), ((3, 50, 6), True), ((3, 51, 2), True)),
        *(((3, 44, 6), False), ((3, 50, 7), False), ((3, 51, 3), False), ((3, 52, 0), False), ((4, 0, 0), False)),
    ],
)
@pytest.mark.usefixtures("real_versions")
def test_the_versions_are_those_of_which_sqlite_says_so(version: tuple[int, ...], is_affected: bool) -> None:
    """L10: 3.7.0 to 3.51.2, but the two to which the correction was taken back."""
    assert sqlite.has_wal_reset_bug(version) is is_affected


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.usefixtures("real_versions")
def test_a_server_says_once_at_its_start_that_its_sqlite_is_one_of_them(tmp_path: Path, kind: str) -> None:
    """L10: with the version that is linked here, once for two workers, and not where the database is PostgreSQL."""
    with serve(tmp_path, fresh_database(kind, tmp_path), workers=2) as server:
        wait_for_workers(server, 2)
    is_due = kind == "sqlite" and sqlite.has_wal_reset_bug(sqlite3.sqlite_version_info)
    assert server.log.count(f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug") == is_due


@pytest.mark.parametrize(
    ("pragma", "named"),
    [
        ("journal_mode = DELETE", "journal_mode"),
        ("synchronous = OFF", "synchronous"),
        ("foreign_keys = OFF", "foreign_keys"),
    ],
)
def test_a_file_that_does_not_keep_what_the_product_asks_for_is_found(
    clinic: Callable[..., Flask], instance: Path, pragma: str, named: str
) -> None:
    app = clinic()
    with app.app_context():
        event.listen(db.engine, "connect", lambda connection, _: connection.execute(f"PRAGMA {pragma}"))
        close_connections()
    found = complaints(app)
    assert found.keys() == {"sqlite-pragmas"}
    assert named in found["sqlite-pragmas"]
    assert f"stop what else opens {instance}/evergreen.db" in found["sqlite-pragmas"]


@pytest.mark.parametrize(
    ("kind", "codes"), [("nfs4", {"sqlite-network"}), ("cifs", {"sqlite-network"}), ("ext4", set())]
)
def test_a_file_on_another_machines_disk_is_found(
    clinic: Callable[..., Flask], instance: Path, monkeypatch: pytest.MonkeyPatch, kind: str, codes: set[str]
) -> None:
    mounts = instance.parent / "mountinfo"
    mounts.write_text(
        f"97 22 0:52 / {instance} rw,relatime shared:4 - {kind} files.example.com:/srv rw\n"
        "22 1 8:1 / / rw,relatime shared:1 - xfs /dev/sda1 rw\n"
    )
    monkeypatch.setattr(places, "MOUNTS", mounts)
    assert complaints(clinic()).keys() == codes


def test_a_disk_beside_it_with_a_name_that_begins_the_same_is_another(
    clinic: Callable[..., Flask], instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = instance.parent / "mountinfo"
    mounts.write_text(f"97 22 0:52 / {instance.parent / 'inst'} rw - nfs4 files.example.com:/srv rw\n")
    monkeypatch.setattr(places, "MOUNTS", mounts)
    assert complaints(clinic()) == {}


def test_without_a_list_of_mounts_nothing_is_said_of_disks(
    clinic: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MOUNTS", Path("/nowhere"))
    assert complaints(clinic()) == {}


def test_a_damaged_page_is_found(clinic: Callable[..., Flask], instance: Path) -> None:
    app, path = clinic(), instance / "evergreen.db"
    with app.app_context():
        root = db.session.execute(text("SELECT rootpage FROM sqlite_master WHERE name = 'products'")).scalar_one()
        page = db.session.execute(text("PRAGMA page_size")).scalar_one()
        db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    disconnect(app)
    with path.open("r+b") as file:
        file.seek((root - 1) * page)
        file.write(b"\xff" * page)
    found = complaints(app)
    assert found.keys() == {"database-damaged"}
    assert "restore a backup" in found["database-damaged"]


def test_a_file_that_is_no_database_is_found(clinic: Callable[..., Flask], instance: Path) -> None:
    app = clinic()
    for path in instance.glob("evergreen.db*"):
        path.write_bytes(b"this is a letter, and no database " * 1000)
    found = complaints(app)
    assert found.keys() == {"database-damaged"}
    assert "not a database" in found["database-damaged"]


def test_a_large_file_is_not_read_through(clinic: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "LARGEST_CHECKED", 1)
    app = clinic()
    assert complaints(app) == {}
    assert any("PRAGMA quick_check" in found.message for found in findings(app))


def test_a_database_without_tables_is_found_is_not_made_and_the_remedy_works(
    make_app: Callable[..., Flask], sound: dict[str, object], instance: Path
) -> None:
    app = make_app(**sound, database_url=f"sqlite:///{instance}/new.db")
    found = complaints(app)
    assert found.keys() == {"migrations-behind"}
    assert not (instance / "new.db").exists(), "the doctor changes nothing"
    assert "run flask --app wsgi db upgrade" in found["migrations-behind"]
    run(app, "db", "upgrade")
    assert complaints(app).keys() == {"administrator-none"}


def say_revision(app: Flask, version: str) -> None:
    with app.app_context():
        db.session.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
        db.session.commit()


def test_a_schema_of_an_older_release_is_found(clinic: Callable[..., Flask]) -> None:
    say_revision(app := clinic(), "0001")
    found = complaints(app)
    assert found.keys() == {"migrations-behind"}
    assert "0001" in found["migrations-behind"]


def test_whoever_goes_back_by_one_release_is_warned_and_examined_no_less(clinic: Callable[..., Flask]) -> None:
    """As docs/deploy.md has it, the tables stay: nobody is told to bring older ones back."""
    say_revision(app := clinic(), "9999")
    assert "warn migrations: at 9999" in run(app, "doctor")
    with app.app_context():
        db.session.execute(update(User).values(is_admin=False))
        db.session.commit()
    found = complaints(app)
    assert found.keys() == {"migrations-ahead", "administrator-none"}
    assert "restore" not in found["migrations-ahead"]


def test_the_doctor_leaves_the_files_as_they_are(clinic: Callable[..., Flask], instance: Path) -> None:
    app, path = clinic(), instance / "evergreen.db"
    with app.app_context():
        db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        db.session.remove()
    before = (path.read_bytes(), os.stat(path).st_mode)
    complaints(app)
    assert (path.read_bytes(), os.stat(path).st_mode) == before
    assert Path(f"{path}-wal").stat().st_size == 0
