"""A sound production installation, of which each test makes one thing wrong, and what the doctor says of it."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.faults.smtp_servers import post_office
from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.live import free_port
from tests.support.settings import make_settings
from webapp import create_app, doctor
from webapp.clock import utc_now
from webapp.config import Settings
from webapp.database import db
from webapp.doctor import files, places, settings, sqlite
from webapp.doctor.findings import Finding
from webapp.models import Passkey

WAL_BUG_FIXED = sqlite.WAL_BUG_FIXED  # each test has a sound SQLite
ADMIN = "root@example.com"
NOBODY = 65534
START = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def instance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Keep what this machine has out of it: its `.env`, its keys, its container, its SQLite; return the folder."""
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o700)
    (tmp_path / "static").mkdir()
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    for module in (files, settings):
        monkeypatch.setattr(module, "INSTANCE", folder)
    monkeypatch.setattr(files, "STATIC", tmp_path / "static")
    monkeypatch.setattr(files, "LEAST_FREE", 1)
    monkeypatch.setattr(places, "CONTAINER_MARKS", ())
    monkeypatch.setattr(sqlite, "WAL_BUG_FIXED", ((3, 0, 0),))
    return folder


@pytest.fixture
def database_url(instance: Path) -> str:
    """SQLite, in the instance folder; what PostgreSQL alone can have wrong is in test_postgresql.py."""
    url = fresh_database("sqlite", instance)
    (instance / "evergreen.db").chmod(0o600)
    return url


@pytest.fixture
def make_app(database_url: str) -> Iterator[Callable[..., Flask]]:
    """A function that makes the application with the given settings; its database may be broken when the test ends."""
    apps: list[Flask] = []

    def make(**settings: Any) -> Flask:
        apps.append(create_app(make_settings(**{"database_url": database_url, **settings})))
        return apps[-1]

    yield make
    for app in apps:
        disconnect(app)


@pytest.fixture(scope="package")
def mail_url() -> Iterator[str]:
    port = free_port()
    with post_office(port):
        yield f"smtp://127.0.0.1:{port}"


@pytest.fixture
def sound(mail_url: str) -> dict[str, Any]:
    """Settings of production with which the doctor finds nothing."""
    return {
        "app_env": "production",
        "secret_key": secrets.token_urlsafe(48),
        "public_url": "https://accounts.example.com",
        "trusted_proxies": 1,
        "web_concurrency": 1,
        "ratelimit_enabled": True,
        "mail_url": mail_url,
    }


@pytest.fixture
def clinic(make_app: Callable[..., Flask], sound: dict[str, Any]) -> Callable[..., Flask]:
    """A function that returns the sound application with settings changed, and an administrator with a passkey."""
    people.create_user(first := make_app(**sound), ADMIN, is_admin=True)
    row = {"credential_id": "key", "public_key": b"", "sign_count": 0, "created_at": START}
    with first.app_context():
        db.session.add(Passkey(user_id=1, name="key", **row))
        db.session.commit()
    disconnect(first)
    return lambda **changes: make_app(**{**sound, **changes})


def disconnect(app: Flask) -> None:
    with app.app_context():
        db.session.remove()
        close_connections()


def findings(app: Flask, *, now: datetime | None = None, **environment: str) -> list[Finding]:
    with app.app_context():
        options = app.extensions["settings"]
        return doctor.examine(db.session, options, environment=environment, now=now or utc_now())


def complaints(app: Flask, *, now: datetime | None = None, **environment: str) -> dict[str, str]:
    """Return what the doctor finds to be mended: message by code."""
    return {
        finding.code: finding.message
        for finding in findings(app, now=now, **environment)
        if finding.level != "ok" or finding.code
    }


def run(app: Flask, *command: str) -> str:
    """Run a command of `flask --app wsgi`; return what it printed."""
    result = app.test_cli_runner().invoke(args=list(command))
    assert result.exit_code == 0, result.output
    return result.output


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be nobody in particular for a while, since root may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
