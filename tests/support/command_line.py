"""The command line under test: `commands` are those of the product, `run` gives what a command printed, `refused` the
line with which it was refused.

`flask` starts a process of its own, for what happens before there is an application."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.testing import Result
from flask import Flask

from tests.support.settings import make_settings
from webapp import create_app
from webapp.cli import (
    demo_group,
    doctor_command,
    events_group,
    keys_group,
    mail_group,
    prepare_command,
    sessions_group,
    users_group,
)
from webapp.config import ROOT

GROUPS = (demo_group, events_group, keys_group, mail_group, sessions_group, users_group)
PRODUCTION = {"app_env": "production", "public_url": "https://accounts.example.com"}


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield each command of the product with the name by which it is called."""
    for group in GROUPS:
        yield from ((f"{group.name} {name}", command) for name, command in group.commands.items())
    yield from ((str(command.name), command) for command in (prepare_command, doctor_command))


def run(app: Flask, *arguments: str, typed: str | None = None) -> Result:
    return app.test_cli_runner().invoke(args=list(arguments), input=typed)


def refused(app: Flask, *arguments: str) -> str:
    """Return the line with which a command is refused: exit status not 0, no traceback."""
    result = run(app, *arguments)
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit)
    return result.output


def flask(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `flask --app wsgi …` with that environment and nothing else of this machine's."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def empty_app(tmp_path: Path, **settings: Any) -> Flask:
    """The product over a SQLite file without tables."""
    return create_app(make_settings(database_url=f"sqlite:///{tmp_path}/new/empty.db", **settings))
