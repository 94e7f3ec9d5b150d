"""Clients as threads have them: one kept-alive connection each, cookies sent by hand, answers as plain values."""

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from threading import Barrier
from typing import Any, TypeVar

import psutil

from tests.support import forge
from tests.support.live import LiveServer
from tests.support.people import EMAIL, PASSWORD

TIMEOUT = 60  # seconds
IDLE = 2  # seconds after which a client opens a new connection: the server closes them after five
TRANSPORT_ERRORS = (OSError, HTTPException)
TRANSPORTS = ("cookie", "body")
T = TypeVar("T")
Item = TypeVar("Item")


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


class Crowd:
    """As many threads and clients as are asked for at once."""

    def __init__(self, servers: Sequence[LiveServer], size: int) -> None:
        self.clients = [Client(servers[number % len(servers)]) for number in range(size)]
        self._pool = ThreadPoolExecutor(size)

    def at_once(self, act: Callable[[Client, Item], T], items: Iterable[Item]) -> list[T]:
        """Return `act(client, item)` for each item, all begun at the same moment, each on a connection of its own."""
        pairs = list(zip(self.clients, items, strict=False))
        barrier = Barrier(len(pairs))

        def begin(client: Client, item: Item) -> T:
            barrier.wait(TIMEOUT)
            return act(client, item)

        return [task.result() for task in [self._pool.submit(begin, *pair) for pair in pairs]]

    def each(self, act: Callable[[Client, Item], T], items: Iterable[Item]) -> list[T]:
        """Return `act(client, item)` for each item; any number of them, dealt out to the clients."""
        dealt = list(items)
        size = len(self.clients)
        lanes = self.at_once(
            lambda client, lane: [act(client, item) for item in dealt[lane::size]], range(min(size, len(dealt)))
        )
        return [lanes[index % size][index // size] for index in range(len(dealt))]

    def close(self) -> None:
        self._pool.shutdown()
        for client in self.clients:
            client.close()


@contextmanager
def crowd(server: LiveServer | Sequence[LiveServer], size: int) -> Iterator[Crowd]:
    """So many clients of a server, or of several in turn."""
    people = Crowd([server] if isinstance(server, LiveServer) else server, size)
    try:
        yield people
    finally:
        people.close()


@contextmanager
def one_client(server: LiveServer) -> Iterator[Client]:
    client = Client(server)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def client_of_each_worker(server: LiveServer) -> Iterator[list[Client]]:
    """Clients of each of the server's workers: those that have one stand still until all have, since the kernel may
    deal any number of connections to the same worker."""
    found: dict[int, Client] = {}
    clients: list[Client] = []
    pids = set(server.worker_pids)
    try:
        try:
            for _ in pids:
                client = Client(server)
                clients.append(client)
                client.call("GET", "/healthz")
                [pid] = [pid for pid in pids - found.keys() if _holds(pid, client.local_port)]
                found[pid] = client
                psutil.Process(pid).suspend()
        finally:
            for pid in found:
                psutil.Process(pid).resume()
        yield list(found.values())
    finally:
        for client in clients:
            client.close()


def _holds(pid: int, port: int) -> bool:
    return any(item.raddr and item.raddr.port == port for item in psutil.Process(pid).net_connections())
