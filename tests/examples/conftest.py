"""Fixtures of the tests of examples and of the package: the browser of tests/browser, the API, what npm installs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import browse, chromium, watch
from tests.examples.serving import begin_anew, serve_api
from tests.support.databases import fresh_database
from tests.support.live import LiveServer
from tests.support.programs import install
from tests.support.services import require_program
from webapp.config import ROOT

__all__ = ["browse", "chromium", "watch"]  # fixtures here, too


@pytest.fixture(scope="session")
def node() -> str:
    return require_program("node")


@pytest.fixture(scope="session")
def tools(node: str) -> Path:
    """The folder whose node_modules has what only these tests need: esbuild, and libraries with their types."""
    return install(ROOT / "tests/examples")


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: a client cannot tell the engines apart, and the API's tests run on both."""
    return fresh_database("sqlite", tmp_path)


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with serve_api(tmp_path_factory.mktemp("api")) as server:
        yield server


@pytest.fixture
def api(shared_api: LiveServer) -> LiveServer:
    """The API for programs, with its demo users and products; its clock is right, its log empty."""
    return begin_anew(shared_api)
