"""SQLite as the product sets it up: durable (L03), its owner's alone (O06), its writers wait for each other (L09)."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, select, text, update

from tests.support.databases import close_connections, fresh_database
from tests.support.settings import make_settings
from webapp import create_app
from webapp.database import BUSY_TIMEOUT_SECONDS, db
from webapp.models import Product


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLite, except where a test asks for both: this file is about SQLite's own settings, but for one test."""
    return fresh_database(request.param, tmp_path)


both_engines = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
def test_every_sqlite_connection_is_durable_and_checks_foreign_keys(app: Flask, pragma: str, value: object) -> None:
    """L03: FULL (2) syncs at every commit, so that a sign-out that was answered survives a power cut."""
    with app.app_context():
        for _ in range(2):
            with db.engine.connect() as connection:
                assert connection.scalar(text(f"PRAGMA {pragma}")) == value
            close_connections()


def test_the_folder_of_a_new_database_is_its_owners_alone(tmp_path: Path) -> None:
    """O06."""
    create_app(make_settings(database_url=f"sqlite:///{tmp_path}/new/evergreen.db"))
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_new_sqlite_file_and_what_stands_beside_it_are_the_server_s_alone(tmp_path: Path) -> None:
    """O06; in a folder that others may read, too."""
    tmp_path.chmod(0o755)
    app = create_app(make_settings(database_url=f"sqlite:///{tmp_path}/evergreen.db"))
    with app.app_context():
        db.create_all(bind_key=None)
        db.session.execute(text("DELETE FROM products"))
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob("evergreen.db*")}
        db.session.rollback()
        close_connections()
    assert modes == {"evergreen.db": 0o600, "evergreen.db-wal": 0o600, "evergreen.db-shm": 0o600}


def test_the_modes_of_a_sqlite_file_that_is_there_are_the_operator_s(tmp_path: Path) -> None:
    file = tmp_path / "evergreen.db"
    sqlite3.connect(file).execute("CREATE TABLE t (x)").connection.close()
    file.chmod(0o640)
    app = create_app(make_settings(database_url=f"sqlite:///{file}"))
    with app.app_context():
        db.session.execute(text("SELECT 1"))
        db.session.remove()
        close_connections()
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """What SQLite is told, the driver's own BEGIN included."""
    seen: list[str] = []

    def trace(connection: sqlite3.Connection, _: object) -> None:
        connection.set_trace_callback(seen.append)

    with app.app_context():
        close_connections()
        event.listen(db.engine, "connect", trace)
        yield seen
        event.remove(db.engine, "connect", trace)


def test_a_read_takes_no_lock_and_the_first_write_takes_it_at_once(app: Flask, statements: list[str]) -> None:
    """L09: BEGIN IMMEDIATE waits for its turn; a transaction that began with a read would fail instead of waiting."""
    db.session.execute(select(Product.id))
    reading = list(statements)
    db.session.add(Product(name="Yew", price_cents=1))
    db.session.commit()
    assert not any(statement.startswith("BEGIN") for statement in reading)
    assert [statement for statement in statements if statement.startswith("BEGIN")] == ["BEGIN IMMEDIATE"]


def test_a_writer_waits_for_another(app: Flask) -> None:
    """L09."""
    with app.app_context(), db.engine.connect() as connection:
        assert connection.scalar(text("PRAGMA busy_timeout")) == BUSY_TIMEOUT_SECONDS * 1000 >= 5000


@both_engines
def test_threads_that_read_and_then_write_the_same_row_never_fail(app: Flask) -> None:
    """L09: no SQLITE_BUSY_SNAPSHOT, no deadlock."""
    with app.app_context():
        db.session.add(Product(name="Yew", price_cents=0))
        db.session.commit()
    threads, rounds = 6, 12
    start, failures = threading.Barrier(threads), []

    def work() -> None:
        try:
            start.wait(10)
            for _ in range(rounds):
                with app.app_context():
                    db.session.scalars(select(Product.price_cents)).one()
                    db.session.execute(update(Product).values(price_cents=Product.price_cents + 1))
                    db.session.scalars(select(Product.price_cents)).one()
                    db.session.commit()
        except Exception as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    with app.app_context():
        assert db.session.scalars(select(Product.price_cents)).one() == threads * rounds


def test_a_writer_of_another_process_is_waited_for(app: Flask, database_url: str) -> None:
    """L09: another connection holds the lock while this one has read and is about to write."""
    other = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    with app.app_context():
        db.session.scalars(select(Product.id)).all()
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO products (name, description, price_cents, currency) VALUES ('Holly', '', 1, 'EUR')")
        release = threading.Timer(0.2, lambda: other.execute("COMMIT"))
        release.start()
        db.session.add(Product(name="Yew", price_cents=1))
        db.session.commit()
        release.join()
        assert set(db.session.scalars(select(Product.name))) == {"Holly", "Yew"}
    other.close()
