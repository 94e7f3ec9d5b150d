"""The other end of the wire: connections that ask, wait for the answer, and ask again, in a process of its own.

`python -m bench.driving` reads one JSON object (Drive) from standard input and prints one (Driven)."""

import json
import socket
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from time import monotonic, perf_counter
from typing import Any, Final

from bench.clients import CLIENTS, Client, Tokens

TIMEOUT: Final = 60  # seconds


@dataclass(frozen=True, slots=True)
class Drive:
    """What to do: `act` of a client (bench/clients.py) on each connection, again and again for `seconds`.

    `sessions` are the tokens to begin with, one item a connection; `requests` ends a connection's work sooner."""

    client: str
    act: str
    port: int
    sessions: list[Tokens]
    seconds: float
    requests: int | None = None


@dataclass(slots=True)
class Driven:
    """What came of it: the sessions' tokens by now, the time to each answer in seconds, and what was no wanted one."""

    sessions: list[Tokens]
    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0


def run(drive: Drive) -> Driven:
    driven = Driven(drive.sessions)
    client = CLIENTS[drive.client]
    started = perf_counter()
    threads = [
        threading.Thread(target=_converse, args=(drive, client, tokens, driven), daemon=True)
        for tokens in drive.sessions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    driven.seconds = perf_counter() - started
    return driven


def _converse(drive: Drive, client: Client, tokens: Tokens, driven: Driven) -> None:
    end, count, connection = monotonic() + drive.seconds, 0, None
    while monotonic() < end and count != drive.requests:
        request = client.request(drive.act, tokens)
        started = perf_counter()
        try:
            connection = connection or socket.create_connection(("127.0.0.1", drive.port), TIMEOUT)
            connection.sendall(request)
            status, head, body = _answer(connection)
        except OSError as error:
            driven.failures.append(repr(error))
            connection = None
            continue
        driven.latencies.append(perf_counter() - started)
        count += 1
        if not client.is_wanted(drive.act, status, head):
            driven.failures.append(f"{status} {body[:200]!r}")
            continue
        client.learn(drive.act, tokens, head, body)
        if b"connection: close" in head.lower():
            connection.close()
            connection = None


def _answer(connection: socket.socket) -> tuple[int, bytes, bytes]:
    """Return status, head and body of one answer."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        while not body.endswith(b"0\r\n\r\n"):
            body += _some(connection)
        body = b"".join(body.split(b"\r\n")[1::2])  # sizes and chunks take turns, and no JSON holds a line's end
    elif b"content-length:" in lower:
        length = int(lower.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += _some(connection)
    return int(head[9:12]), head, body


def _some(connection: socket.socket) -> bytes:
    if chunk := connection.recv(65536):
        return chunk
    raise ConnectionResetError("closed before the answer was whole")


def in_own_process(drive: Drive) -> Driven:
    """Do it where nothing else computes."""
    command = [sys.executable, "-m", "bench.driving"]
    done = subprocess.run(command, input=json.dumps(asdict(drive)), stdout=subprocess.PIPE, text=True, check=True)
    return Driven(**json.loads(done.stdout))


def main() -> None:
    given: dict[str, Any] = json.load(sys.stdin)
    json.dump(asdict(run(Drive(**given))), sys.stdout)


if __name__ == "__main__":
    main()
