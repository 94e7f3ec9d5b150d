"""Fixtures of every test: settings, a fresh database, the application over it, a user, a live server."""

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import canaries, description, people
from tests.support.canaries import Canaries
from tests.support.compiled import compile_once
from tests.support.databases import close_connections, fresh_database
from tests.support.hashes import LEAST_HASHER
from tests.support.live import LiveServer, serve
from tests.support.patience import be_patient
from tests.support.settings import make_settings
from tests.support.steps import START
from webapp import create_app, passwords
from webapp.config import Settings
from webapp.database import db

compile_once()
be_patient()


# What takes longest by itself begins first, in this order, so that no process is left alone with it at the end.
LONGEST = (
    "web/test_openapi_fuzz.py",
    "web/test_account_fuzz.py",
    "web/test_desk_plans.py",
    "unit/test_session_machine.py",
    "faults/test_slow_clients.py",
    "faults/test_keys_under_load.py",
    "faults/test_worker_killed.py",
    "faults/test_sign_out_races.py",
    "faults/test_soak.py",
    "faults/test_database_away.py",
    "faults/test_redis_away.py",
    "faults/test_backup.py",
    "faults/test_account_races.py",
    "deploy/test_restarts.py",
    "faults/test_graceful_stop.py",
    "faults/test_power_loss.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests into the order in which files are dealt out: those with a browser in a row, so that each process
    starts one once."""
    size = Counter(item.path for item in items)

    def turn(item: pytest.Item) -> tuple[int, int, str]:
        name = item.path.relative_to(Path(__file__).parent).as_posix()
        if name in LONGEST:
            return 0, LONGEST.index(name), name
        return {"browser": 1, "examples": 2}.get(name.partition("/")[0], 3), -size[item.path], name

    items.sort(key=turn)


def pytest_collection_finish() -> None:
    """Leave what was imported out of the search for garbage, and search less often: it took a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def _cheap_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with argon2id's least, which halves the time of the tests; `real_hashes` marks those that are about it."""
    if request.node.get_closest_marker("real_hashes") is None:
        monkeypatch.setattr(passwords, "_hasher", LEAST_HASHER)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The clock, which stands at START until a test moves it."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty, migrated database; every test that uses one runs on both engines."""
    return fresh_database(request.param, tmp_path)


class WholeAnswers(FlaskClient):
    """A client that takes each answer to its end, as servers do: one that is streamed keeps its context until then."""

    def open(self, *args: Any, buffered: bool = True, **kwargs: Any) -> TestResponse:
        return super().open(*args, buffered=buffered, **kwargs)


@pytest.fixture(scope="module")
def telling() -> Iterator[set[str]]:
    """What tells the secrets that the tests of a file have met: the metrics, which outlive a test, may hold none."""
    met: set[str] = set()
    yield met
    assert not canaries.leaks(met, canaries.measured())


@pytest.fixture
def make_app(
    database_url: str, telling: set[str], caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Flask]]:
    """A function that returns the application over the fresh database, with settings changed as it is told.

    What it answers to API calls has to be in the document that describes them, and no secret that it meets may be kept
    anywhere (O05)."""
    apps: list[Flask] = []
    secrets = Canaries()
    differences_of_app: list[list[str]] = []

    def make(**settings: Any) -> Flask:
        app = create_app(make_settings(database_url=database_url, **settings))
        app.test_client_class = WholeAnswers
        apps.append(app)
        differences_of_app.append(description.watch(app))
        secrets.watch(app)
        return app

    yield make
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    is_development = any(app.extensions["settings"].is_development for app in apps)
    written = canaries.written(records, is_development=is_development)
    told = [] if request.node.get_closest_marker("sends_what_is_kept") else secrets.told_by()
    telling.update(told)
    leaks = canaries.leaks(told, written, *map(canaries.kept_by, apps[:1]))
    for app in apps:
        with app.app_context():
            db.session.remove()
            close_connections()
    assert not leaks
    assert not any(differences_of_app), differences_of_app


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    """A test client of `app`, with a cookie jar of its own and a page's same-origin header left out."""
    return app.test_client()


@pytest.fixture
def user_id(app: Flask) -> int:
    """John Doe, test@test.com / Test123!"""
    return people.create_user(app)


@pytest.fixture
def signed_in(http: FlaskClient, user_id: int) -> people.SignedIn:
    """John Doe signed in by the API with the body transport."""
    return people.sign_in(http)


@pytest.fixture
def live(database_url: str, tmp_path: Path) -> Callable[..., AbstractContextManager[LiveServer]]:
    """A function that serves the product by gunicorn over the fresh database, with the demo user created."""

    def start(**settings: Any) -> AbstractContextManager[LiveServer]:
        app = create_app(make_settings(database_url=database_url))
        people.create_user(app)
        with app.app_context():
            close_connections()
        return serve(tmp_path, database_url, **settings)

    return start
