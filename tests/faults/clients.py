"""Clients as threads have them: one kept-alive connection each, cookies sent by hand, answers as plain values."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from typing import Any

from tests.support import forge
from tests.support.live import LiveServer
from tests.support.people import EMAIL, PASSWORD

TIMEOUT = 60  # seconds
IDLE = 2  # seconds after which a client opens a new connection: the server closes them after five
TRANSPORT_ERRORS = (OSError, HTTPException)
TRANSPORTS = ("cookie", "body")


def chance(*seed: object) -> random.Random:
    """Moments and choices that look random and are the same in every run."""
    return random.Random(repr(seed))  # noqa: S311 - nothing secret comes of it


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Message
    body: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))

    @property
    def access(self) -> str | None:
        return self.body.get("access_token")

    @property
    def cookie(self) -> str | None:
        """The refresh cookie's new value, "" if the answer takes it away, None if it leaves it alone."""
        for line in self.headers.get_all("Set-Cookie", []):
            if morsel := SimpleCookie(line).get("refresh_token"):
                return morsel.value
        return None

    @property
    def successor(self) -> str | None:
        return self.body.get("refresh_token") or self.cookie or None

    @property
    def gen(self) -> int | None:
        """The generation of the refresh token that was handed out."""
        return forge.read(self.successor)["gen"] if self.successor else None

    @property
    def renewed(self) -> str | None:
        return self.headers["X-New-Token"]


@dataclass(frozen=True, slots=True)
class Session:
    """What a sign-in gave."""

    transport: str
    access: str
    refresh: str

    @property
    def sid(self) -> str:
        return str(forge.read(self.access)["sid"])


class Client:
    """One connection, kept alive; for one thread at a time. It may come from any `address` in 127.0.0.0/8."""

    def __init__(self, server: LiveServer, *, address: str = "127.0.0.1") -> None:
        self._origin = server.settings["PUBLIC_URL"]
        self._connection = HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT, source_address=(address, 0))
        self._used_at = 0.0

    def close(self) -> None:
        self._connection.close()

    @property
    def local_port(self) -> int:
        return int(self._connection.sock.getsockname()[1])

    def call(
        self,
        method: str,
        path: str,
        *,
        bearer: str | None = None,
        cookie: str | None = None,
        body: dict[str, Any] | None = None,
        gate: str | None = None,
    ) -> Reply:
        """Send one request; raises one of TRANSPORT_ERRORS, never twice for one broken connection."""
        headers = {"X-Test-Gate": gate} if gate else {}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        if cookie:
            headers |= {"Cookie": f"refresh_token={cookie}", "Origin": self._origin}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if time.monotonic() - self._used_at > IDLE:
            self.close()
        try:
            self._connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = self._connection.getresponse()
            content = response.read()
        except TRANSPORT_ERRORS:
            self.close()
            raise
        self._used_at = time.monotonic()
        is_json = response.headers.get_content_subtype().endswith("json")
        return Reply(response.status, response.headers, json.loads(content) if content and is_json else {})

    def sign_in(self, transport: str, *, email: str = EMAIL) -> Session:
        reply = self.call("POST", "/api/login", body={"email": email, "password": PASSWORD, "transport": transport})
        assert reply.status == 200, reply
        assert reply.access and reply.successor
        return Session(transport, reply.access, reply.successor)

    def refresh(self, transport: str, token: str, *, gate: str | None = None) -> Reply:
        return self.call("POST", "/api/refresh", **carry(transport, token), gate=gate)

    def me(self, access: str, *, gate: str | None = None) -> Reply:
        return self.call("GET", "/api/me", bearer=access, gate=gate)


def carry(transport: str, token: str) -> dict[str, Any]:
    """Return the arguments of `Client.call` by which a refresh token of that transport travels."""
    return {"cookie": token} if transport == "cookie" else {"body": {"refresh_token": token}}


@contextmanager
def one_client(server: LiveServer) -> Iterator[Client]:
    client = Client(server)
    try:
        yield client
    finally:
        client.close()
