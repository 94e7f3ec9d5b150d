"""How a command starts: on its own, whatever is set up for servers."""

from pathlib import Path

import pytest

from tests.support.command_line import flask
from tests.support.settings import PUBLIC_URL, SECRET_KEY

DEVELOPMENT = {"APP_ENV": "development", "SECRET_KEY": SECRET_KEY, "PUBLIC_URL": PUBLIC_URL}


@pytest.mark.parametrize("is_there", [True, False])
def test_a_command_needs_no_folder_of_the_metrics_and_leaves_nothing_there(tmp_path: Path, is_there: bool) -> None:
    """A server's folder: its workers would be added up with whatever commands have left."""
    folder = tmp_path / "metrics"
    if is_there:
        folder.mkdir()
    database = f"sqlite:///{tmp_path}/evergreen.db"
    done = flask("keys", "new", **DEVELOPMENT, DATABASE_URL=database, PROMETHEUS_MULTIPROC_DIR=str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert list(folder.glob("*")) == []
