"""The command-line tool of examples/node: signed in once, it works for as long as the session lives."""

import json
import stat
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.live import LiveServer
from tests.support.people import EMAIL, PASSWORD
from tests.support.programs import clean_environment, install, run
from webapp.config import ROOT

HOUR = 3600
DAY = 24 * HOUR
Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the tool keeps its refresh token."""
    return tmp_path / "session.json"


@pytest.fixture
def tool_for(node: str, file: Path) -> Callable[[LiveServer], Tool]:
    """A function that returns a function that runs the tool for an API as a user does."""
    folder = install(ROOT / "examples/node")

    def tool_for(api: LiveServer) -> Tool:
        environment = clean_environment(EVERGREEN_API=f"{api.url}/api", EVERGREEN_FILE=str(file))
        return lambda *arguments, given="": run(
            [node, "index.js", *arguments], cwd=folder, env=environment, given=given
        )

    return tool_for


@pytest.fixture
def tool(tool_for: Callable[[LiveServer], Tool], api: LiveServer) -> Tool:
    return tool_for(api)


def sign_in(tool: Tool) -> None:
    done = tool("login", EMAIL, given=f"{PASSWORD}\n")
    assert (done.stdout, done.stderr, done.returncode) == ("Signed in as John Doe.\n", "", 0)


@pytest.fixture
def signed_in(tool: Tool) -> None:
    sign_in(tool)


def names(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert (done.stderr, done.returncode) == ("", 0)
    return [line[:20].rstrip() for line in done.stdout.splitlines()]


PRODUCTS = ["Norway spruce", "Scots pine", "Silver fir", "English yew", "Common juniper"]


@pytest.mark.usefixtures("signed_in")
def test_one_sign_in_serves_for_days(tool: Tool, api: LiveServer) -> None:
    for day in range(4):
        api.move_clock(day * 25 * HOUR)
        assert names(tool("products")) == PRODUCTS
    assert api.log.count("POST /api/login 200") == 1


@pytest.mark.usefixtures("signed_in")
def test_only_its_owner_can_read_the_file_and_it_holds_the_refresh_token_alone(tool: Tool, file: Path) -> None:
    before = file.read_text()
    assert names(tool("products")) == PRODUCTS
    assert file.read_text() != before  # the successor
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.glob("session.json*")) == [file]
    assert len(json.loads(file.read_text())) == 1


@pytest.mark.usefixtures("signed_in")
def test_signing_out_ends_the_session_and_leaves_nothing_behind(tool: Tool, api: LiveServer, file: Path) -> None:
    kept = file.read_text()
    done = tool("logout")
    assert (done.stdout, done.stderr, done.returncode) == ("Signed out.\n", "", 0)
    assert not file.exists()
    file.write_text(kept)  # a copy of it is worth nothing either
    done = tool("products")
    assert done.returncode == 1
    assert done.stderr.startswith("Nobody is signed in.")


@pytest.mark.usefixtures("signed_in")
def test_a_session_that_is_over_is_said_and_forgotten(tool: Tool, api: LiveServer, file: Path) -> None:
    api.move_clock(31 * DAY)
    done = tool("products")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.startswith("Nobody is signed in.")
    assert not file.exists()


def test_a_server_that_is_away_signs_nobody_out(
    tool_for: Callable[[LiveServer], Tool], live: Callable[..., AbstractContextManager[LiveServer]], file: Path
) -> None:
    with live(workers=1) as server:
        tool = tool_for(server)
        sign_in(tool)
        kept = file.read_text()
    done = tool("products")
    assert (done.stdout, done.stderr, done.returncode) == ("", "fetch failed\n", 1)
    assert file.read_text() == kept


def test_a_wrong_password_is_said(tool: Tool, file: Path) -> None:
    done = tool("login", EMAIL, "Wrong123!")
    assert (done.stdout, done.returncode) == ("", 1)
    assert "password" in done.stderr
    assert not file.exists()


def test_without_a_command_it_says_how_to_use_it(tool: Tool) -> None:
    done = tool()
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == "node index.js login EMAIL [PASSWORD] | products | logout\n"
