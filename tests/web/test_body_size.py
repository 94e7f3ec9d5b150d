"""Bodies: of bounded size, however they are sent, or a 413 (I01)."""

import json
import select
import socket
import time
from http.client import HTTPConnection

import psutil

from tests.support.json_routes import assert_problem, at_every_route

LIMIT = 64 * 1024


@at_every_route
def test_a_body_may_have_64_kib_and_not_a_byte_more(send, state, route) -> None:
    """I01: by its Content-Length, and as gunicorn hands on a chunked body, which has none."""
    before = state()
    fits = b'{"?": 1' + b" " * (LIMIT - 8) + b"}"
    chunked = {"environ_overrides": {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}}
    for way in ({}, chunked):
        assert_problem(send(route, fits, **way), 422, "invalid_fields")
        assert_problem(send(route, fits + b" ", **way), 413, "request_entity_too_large")
        assert_problem(send(route, fits + b" " * 200_000, **way), 413, "request_entity_too_large")
    assert state() == before


def test_a_body_without_end_is_answered_and_cut_off(live) -> None:
    """I01: over the wire; the worker neither waits for the rest nor keeps it."""
    ways = {
        b"Content-Length: 65537": b" " * 65_537,
        b"Content-Length: 10000000": b"",
        b"Transfer-Encoding: chunked": (b"10000\r\n" + b" " * LIMIT + b"\r\n") * 3,
    }
    with live(workers=1) as server:
        worker = psutil.Process(server.worker_pids[0])
        memory, started = worker.memory_info().rss, time.monotonic()
        for header, first in ways.items():
            for path in (b"login", b"refresh", b"logout"):
                with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
                    lines = (
                        b"POST /api/%s HTTP/1.1" % path,
                        b"Host: localhost",
                        b"Content-Type: application/json",
                        header,
                    )
                    client.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + first)
                    assert client.recv(4096).startswith(b"HTTP/1.1 413 "), (header, path)
                    assert is_cut_off(client)
        assert time.monotonic() - started < 10
        assert worker.memory_info().rss - memory < 32 * 1024 * 1024


def is_cut_off(client: socket.socket) -> bool:
    """Whether the other side closes the connection before it has been sent 50 MB more."""
    for _ in range(800):
        try:
            if select.select([client], [], [], 0)[0] and not client.recv(LIMIT):
                return True
            client.sendall(b"10000\r\n" + b" " * LIMIT + b"\r\n")
        except OSError:
            return True
    return False


def test_the_next_request_on_the_connection_of_a_refused_body_is_answered(live) -> None:
    """A proxy sends it there, for somebody else: it was told that the connection stays."""
    with live(workers=1) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
        for size in (LIMIT + 1, 2 * LIMIT):  # as much as deploy/nginx.conf lets through
            connection.request("POST", "/api/login", b" " * size, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            assert (reply.status, reply.getheader("Connection"), bool(reply.read())) == (413, "keep-alive", True)
            time.sleep(0.3)
            connection.request("GET", "/healthz")
            assert json.loads(connection.getresponse().read()) == {"status": "ok"}, size
        connection.close()
