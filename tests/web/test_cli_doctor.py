"""`flask doctor`: what it prints, its exit status, and that it shows no secret."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.faults.smtp_servers import post_office
from tests.support.command_line import PRODUCTION, empty_app, refused, run
from tests.support.live import free_port
from tests.support.settings import make_settings
from webapp import create_app

pytestmark = pytest.mark.usefixtures("clock")


def test_the_doctor_finds_nothing_that_fails_in_a_sound_installation(make_app: Callable[..., Flask]) -> None:
    """What it finds in others: tests/doctor."""
    port = free_port()
    production = {**PRODUCTION, "secret_key": secrets.token_urlsafe(48), "mail_url": f"smtp://127.0.0.1:{port}"}
    app = make_app(**production, ratelimit_enabled=True, web_concurrency=1)
    run(app, "users", "create", "root@test.com", "--password", "long enough", "--admin")
    with post_office(port):
        result = run(app, "doctor")
    assert result.exit_code == 0
    for subject in ("settings", "cookies", "cors", "limits", "mail", "database", "migrations"):
        assert f"ok   {subject}:" in result.output
    assert "fail" not in result.output
    assert "Secure" in result.output
    assert production["secret_key"] not in result.output


@pytest.mark.parametrize(
    ("settings", "warning"),
    [({}, "warn settings: development"), ({"ratelimit_enabled": False}, "warn limits: off"),
     ({"ratelimit_enabled": True, "web_concurrency": 2}, "warn limits: limits per address"),
     ({}, "warn administrator: there is none")],
)  # fmt: skip
def test_the_doctor_warns_of_what_works_and_should_not_stay(
    make_app: Callable[..., Flask], settings: dict[str, Any], warning: str
) -> None:
    result = run(make_app(**settings), "doctor")
    assert (result.exit_code, warning in result.output) == (0, True)


def test_the_doctor_fails_where_migrations_are_missing(tmp_path: Path) -> None:
    """L13: and says what to run."""
    result = run(empty_app(tmp_path), "doctor")
    assert result.exit_code == 1
    assert "fail migrations:" in result.output
    assert "db upgrade" in result.output


@pytest.mark.parametrize("url", ["postgresql+psycopg://u:hunter2@127.0.0.1:1/x", "sqlite:////dev/null/x/evergreen.db"])
def test_the_doctor_fails_where_the_database_cannot_be_reached(tmp_path: Path, url: str) -> None:
    """O05: without the password in the line."""
    if url.startswith("sqlite"):
        (tmp_path / "folder.db").mkdir()
        url = f"sqlite:///{tmp_path}/folder.db"
    result = run(create_app(make_settings(database_url=url)), "doctor")
    assert result.exit_code == 1
    assert "fail database:" in result.output
    assert "hunter2" not in result.output


def test_a_command_that_needs_the_database_says_in_one_line_that_it_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    app = create_app(make_settings(database_url=f"sqlite:///{tmp_path}/folder.db"))
    assert "doctor" in refused(app, "users", "list")


def test_no_finding_of_the_doctor_shows_the_key(app: Flask) -> None:
    """O05."""
    assert make_settings().secret_key.get_secret_value() not in run(app, "doctor").output
