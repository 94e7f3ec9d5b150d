"""Fixtures of the tests with other people's clients: a live server, a token that is a day old, Node.js programs."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session

from tests.support.databases import fresh_database
from tests.support.live import LiveServer
from tests.support.people import EMAIL, PASSWORD
from tests.support.programs import clean_environment, install, killed_in_time, started
from tests.support.services import require_program

HERE = Path(__file__).parent
HOUR = 3600
TIMEOUT = 60


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: a client cannot tell the engines apart, and the API's tests run on both."""
    return fresh_database("sqlite", tmp_path)


@pytest.fixture
def server(live: Callable[..., AbstractContextManager[LiveServer]]) -> Iterator[LiveServer]:
    with live() as server:
        yield server


@pytest.fixture
def token(server: LiveServer) -> dict[str, Any]:
    """A sign-in's answer whose access token has expired since, as it comes out of a program's storage.

    The server's clock has moved and this machine's has not: `expires_at` says what a day's waiting would."""
    body = {"email": EMAIL, "password": PASSWORD, "transport": "body"}
    token: dict[str, Any] = requests.post(f"{server.url}/api/login", json=body, timeout=TIMEOUT).json()
    server.move_clock(25 * HOUR)
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert requests.get(f"{server.url}/api/me", headers=headers, timeout=TIMEOUT).status_code == 401
    return {**token, "expires_at": int(time.time()) - 1}


@pytest.fixture
def authlib(server: LiveServer, token: dict[str, Any]) -> Iterator[OAuth2Session]:
    """authlib's client with that token."""
    endpoint = f"{server.url}/api/refresh"
    with OAuth2Session("somebody-elses-app", token=token, token_endpoint=endpoint, default_timeout=TIMEOUT) as session:
        yield session


@pytest.fixture
def run_node(server: LiveServer) -> Callable[[str], dict[str, Any]]:
    """A function that runs node/NAME.mjs against `server`, does what it asks for, and returns its results."""
    node = require_program("node")
    install(HERE)

    def run(name: str) -> dict[str, Any]:
        command = [node, f"node/{name}.mjs", server.url]
        with started(command, cwd=HERE, env=clean_environment()) as program, killed_in_time(program):
            return _talk(program, server)

    return run


def _talk(program: subprocess.Popen[str], server: LiveServer) -> dict[str, Any]:
    """Answer the program's questions, one line of JSON each, until it has results."""
    assert program.stdin and program.stdout and program.stderr
    for line in program.stdout:
        match json.loads(line):
            case {"results": results}:
                return dict(results)
            case {"move_clock": hours}:
                server.move_clock(hours * HOUR)
                answer = None
            case {"count": text}:
                answer = server.log.count(text)
            case question:
                raise AssertionError(question)
        program.stdin.write(json.dumps(answer) + "\n")
        program.stdin.flush()
    raise AssertionError(f"the program ended without results:\n{program.stderr.read()}\n{server.log}")
