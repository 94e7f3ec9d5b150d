"""The command line under test: `run` gives what a command printed, `refused` the line with which it was refused.

`flask` starts a process of its own, for what happens before there is an application."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import Result
from flask import Flask

from tests.support.settings import make_settings
from webapp import create_app
from webapp.config import ROOT

PRODUCTION = {"app_env": "production", "public_url": "https://accounts.example.com"}


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
