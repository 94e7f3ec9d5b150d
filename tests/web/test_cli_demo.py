"""`flask demo load` and `flask prepare`: tables everywhere, demo users in development only."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from tests.support import people
from tests.support.command_line import PRODUCTION, empty_app, refused, run
from tests.support.meanwhile import do_before
from tests.support.people import users
from webapp import accounts
from webapp.database import Base, db
from webapp.demo import PRODUCTS, USERS
from webapp.models import Product

pytestmark = pytest.mark.usefixtures("clock")


def dump(app: Flask) -> list[Any]:
    with app.app_context():
        return [row for table in Base.metadata.sorted_tables for row in db.session.execute(select(table)).all()]


def test_the_demo_data_is_loaded_once(app: Flask) -> None:
    """A second time changes nothing: not a name, not a password, not an audit event."""
    first = run(app, "demo", "load")
    assert first.exit_code == 0
    for user in USERS:
        assert f"{user['email']} / {user['password']}" in first.output
        assert people.sign_in(app.test_client(), email=user["email"], password=user["password"])
    assert [user.is_admin for user in users(app)] == [False, True]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Product)) == len(PRODUCTS)
    before = dump(app)
    second = run(app, "demo", "load")
    assert (second.exit_code, second.output) == (0, first.output)
    assert dump(app) == before


def test_demo_users_have_the_passwords_that_are_printed_however_long_others_have_to_be(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(app_env="development", password_min_length=15)
    assert run(app, "prepare").exit_code == 0
    assert [user.email for user in users(app)] == [user["email"] for user in USERS]
    assert people.sign_in(app.test_client())
    assert "15 characters" in refused(app, "users", "create", "a@test.com", "--password", people.PASSWORD)


@pytest.mark.parametrize("module_and_name", [(accounts, "create_user"), (db.session, "add_all")], ids=lambda it: it[1])
def test_demo_data_that_somebody_else_loads_at_the_same_time_is_loaded(
    app: Flask, monkeypatch: pytest.MonkeyPatch, module_and_name: tuple[Any, str]
) -> None:
    """Two servers that are started at once: each has looked, and found nothing, before the other one has loaded it."""
    do_before(monkeypatch, *module_and_name, lambda: run(app, "demo", "load"))
    loaded = run(app, "demo", "load")
    assert (loaded.exit_code, loaded.output.count("Demo user: ")) == (0, 2)
    assert [user.email for user in users(app)] == [user["email"] for user in USERS]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Product)) == len(PRODUCTS)


def test_demo_data_that_was_changed_stays_changed(app: Flask) -> None:
    people.create_user(app, password="a password of my own")
    assert run(app, "demo", "load").exit_code == 0
    assert people.sign_in(app.test_client(), password="a password of my own")


@pytest.mark.parametrize("command", ["prepare", "demo load"])
def test_who_may_not_sign_in_is_not_named_to_do_so(app: Flask, command: str) -> None:
    run(app, "demo", "load")
    run(app, "users", "deactivate", people.EMAIL)
    printed = run(app, *command.split()).output
    assert [user["email"] in printed for user in USERS] == [False, True]


def test_production_takes_no_demo_users(make_app: Callable[..., Flask]) -> None:
    """A17: their passwords are public."""
    app = make_app(**PRODUCTION)
    assert "development only" in refused(app, "demo", "load")
    assert users(app) == []


def test_prepare_makes_the_tables_and_in_development_the_demo_users(tmp_path: Path) -> None:
    app = empty_app(tmp_path)
    for _ in range(2):
        result = run(app, "prepare")
        assert (result.exit_code, "test@test.com / Test123!" in result.output) == (0, True)
    assert len(users(app)) == 2


@pytest.fixture
def newer(app: Flask) -> Iterator[Flask]:
    """The application over tables that a newer release has made."""

    def set_revision(number: str) -> str:
        with app.app_context():
            before = db.session.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
            db.session.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": number})
            db.session.commit()
            return str(before)

    before = set_revision("9999")
    yield app
    set_revision(before)


def test_tables_of_a_newer_release_are_told_as_such_to_who_migrates(newer: Flask) -> None:
    told = refused(newer, "db", "upgrade")
    assert told.startswith("Error: The database is at 9999, which this code does not know: the tables are of a newer")
    assert told.endswith("Well so after going back by one; else install that release.\n")
    assert run(newer, "prepare").exit_code == 0


def test_prepare_in_production_makes_the_tables_and_no_user(tmp_path: Path) -> None:
    """A17."""
    app = empty_app(tmp_path, **PRODUCTION)
    assert run(app, "prepare").exit_code == 0
    assert users(app) == []
