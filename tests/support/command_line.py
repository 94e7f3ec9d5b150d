"""The command line under test: `run` gives what a command printed, `refused` the line with which it was refused."""

from pathlib import Path
from typing import Any

from click.testing import Result
from flask import Flask

from tests.support.settings import make_settings
from webapp import create_app

PRODUCTION = {"app_env": "production", "public_url": "https://accounts.example.com"}


def run(app: Flask, *arguments: str, typed: str | None = None) -> Result:
    return app.test_cli_runner().invoke(args=list(arguments), input=typed)


def refused(app: Flask, *arguments: str) -> str:
    """Return the line with which a command is refused: exit status not 0, no traceback."""
    result = run(app, *arguments)
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit)
    return result.output


def empty_app(tmp_path: Path, **settings: Any) -> Flask:
    """The product over a SQLite file without tables."""
    return create_app(make_settings(database_url=f"sqlite:///{tmp_path}/new/empty.db", **settings))
