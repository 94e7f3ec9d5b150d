"""A proxy between browser and server that fails as networks and machines in between do."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread

from tests.support.live import LiveServer

PATIENCE = 30  # seconds
# They belong to one connection, or are made anew for the next.
DROPPED = {"connection", "content-length", "keep-alive", "transfer-encoding"}
CORS = {
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Expose-Headers": "Retry-After, WWW-Authenticate, X-New-Token",
}


@dataclass
class Answer:
    status: int
    headers: Message = field(default_factory=Message)
    body: bytes = b""


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer. HTTP/1.0: each has a connection of its own, so that no browser repeats it unasked."""

    server: "FaultProxy"

    def do_GET(self) -> None:
        line = f"{self.command} {self.path}"
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.arrivals.append((time.monotonic(), line))
        with suppress(ConnectionError):  # the browser may have stopped waiting
            self.server.faults.get(line, no_fault)(self)

    def do_POST(self) -> None:
        self.do_GET()

    def do_OPTIONS(self) -> None:
        self.do_GET()

    def forward(self) -> Answer:
        """Let the server serve the request."""
        target = self.server.target
        headers = dict(self.headers.items()) | {"Host": target.url.partition("//")[2]}
        with closing(HTTPConnection("127.0.0.1", target.port, timeout=PATIENCE)) as connection:
            connection.request(self.command, self.path, self.body, headers)
            reply = connection.getresponse()
            return Answer(reply.status, reply.headers, reply.read())

    def reply(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in DROPPED:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Say nothing: `arrivals` has it all."""


Fault = Callable[[Exchange], None]


def no_fault(exchange: Exchange) -> None:
    exchange.reply(exchange.forward())


def answers(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Answer in the server's place, so that a page of any origin can read it; headers are written retry_after="2"."""

    def answer(exchange: Exchange) -> None:
        reply = Answer(status, body=body)
        for name, value in (CORS | headers).items():
            reply.headers[name.replace("_", "-")] = value
        reply.headers["Access-Control-Allow-Origin"] = exchange.headers["Origin"]
        exchange.reply(reply)

    return answer


def hangs_up(_: Exchange) -> None:
    """Close the connection without an answer."""


def loses_the_answer(exchange: Exchange) -> None:
    """Let the server serve the request, then close the connection."""
    exchange.forward()


def delays(seconds: float) -> Fault:
    return lambda exchange: (time.sleep(seconds), no_fault(exchange))[1]


class Hold:
    """Keeps answers of the server back until the test lets them go, in the order that it likes."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self._released: set[int] = set()
        self._change = Condition()

    def __call__(self, exchange: Exchange) -> None:
        answer = exchange.forward()
        with self._change:
            number = len(self.answers)
            self.answers.append(answer)
            self._change.notify_all()
            self._change.wait_for(lambda: number in self._released, PATIENCE)
        exchange.reply(answer)

    def wait_for(self, count: int) -> None:
        """Wait until the server has given `count` answers."""
        with self._change:
            assert self._change.wait_for(lambda: len(self.answers) >= count, PATIENCE)

    def release(self, number: int) -> None:
        with self._change:
            self._released.add(number)
            self._change.notify_all()


class FaultProxy(ThreadingHTTPServer):
    """Forwards to `target`. `faults` says what becomes of requests like "POST /api/refresh" instead."""

    def __init__(self, target: LiveServer) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.target, self.url = target, f"http://localhost:{self.server_port}"
        self.faults: dict[str, Fault] = {}
        self.arrivals: list[tuple[float, str]] = []  # seconds of time.monotonic(), and what came then


@contextmanager
def serve_faults(target: LiveServer) -> Iterator[FaultProxy]:
    with FaultProxy(target) as proxy:
        thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
