"""The service of examples/resource-server as it runs, and the API that it works for."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import requests

from tests.examples.serving import serve_api, wait_for
from tests.support.forge import read
from tests.support.key_pairs import pem
from tests.support.live import LiveServer, free_port
from tests.support.pair_forgeries import PAIRS
from tests.support.people import EMAIL, PASSWORD
from tests.support.programs import clean_environment, started
from webapp.config import ROOT
from webapp.keys import key_pairs

FOLDER = ROOT / "examples/resource-server"
NAME, SECRET = "warehouse", "introspection-secret-0123456789-abcdef"
TIMEOUT = 30  # seconds
UNAUTHORIZED, UNAVAILABLE = (401, 'Bearer realm="warehouse", error="invalid_token"'), (503, None)


@dataclass
class Service:
    """The running example, the API that it works for, and the file with which its keys age."""

    url: str
    api: LiveServer
    clock: Path

    def answers(self, token: str | None) -> list[Any]:
        """What a call of either route says: 200 and whose the token is, or a status and its challenge."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        replies = [
            requests.get(f"{self.url}/stock", headers=headers, timeout=TIMEOUT),
            requests.post(f"{self.url}/orders", headers=headers, json={"Scots pine": 1}, timeout=TIMEOUT),
        ]
        return [
            (200, reply.json()["user"]) if reply.ok else (reply.status_code, reply.headers.get("WWW-Authenticate"))
            for reply in replies
        ]

    def fetches(self) -> int:
        """How often the public keys were fetched."""
        return self.api.log.count("GET /.well-known/jwks.json 200")


@contextmanager
def serve_service(api: LiveServer, *, secret: str = SECRET) -> Iterator[Service]:
    port, clock = free_port(), api.folder / "service-clock"
    clock.write_text("0")
    environment = clean_environment(
        EVERGREEN_URL=api.url, INTROSPECTION_NAME=NAME, INTROSPECTION_SECRET=secret, PYTHONPATH=str(ROOT),
        SERVICE_CLOCK=str(clock),
    )  # fmt: skip
    command = [sys.executable, "-m", "flask", "--app", "tests.examples.aging_service", "run", "--port", str(port)]
    with (
        (api.folder / "service.log").open("ab") as log,
        started(command, cwd=FOLDER, env=environment, output=log.fileno()) as program,
    ):
        wait_for(program, port)
        yield Service(f"http://localhost:{port}", api, clock)


@contextmanager
def serve_both(folder: Path, keys: str, **options: Any) -> Iterator[Service]:
    settings = {"jwt_signing_key": keys, "introspection_clients": f"{NAME}:{SECRET}"}
    with serve_api(folder, **settings) as api, serve_service(api, **options) as service:
        yield service


def signed_by(algorithm: str, token: str, **changed: Any) -> str:
    """Return the token with header fields changed, signed anew with the pair of that algorithm."""
    (key,) = key_pairs(pem(PAIRS[algorithm]))
    header = {**jwt.get_unverified_header(token), "alg": algorithm, "kid": key.id, **changed}
    return jwt.encode(read(token), key.signs_with, algorithm, headers=header)


def sign_in(api: LiveServer) -> dict[str, Any]:
    body = {"email": EMAIL, "password": PASSWORD, "transport": "body"}
    reply = requests.post(f"{api.url}/api/login", json=body, timeout=TIMEOUT)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def welcome(token: str) -> list[Any]:
    return [(200, read(token)["sub"])] * 2
