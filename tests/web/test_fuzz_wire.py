"""No bytes in the Authorization header, sent over the wire, upset the server (T13, T14)."""

import socket
from pathlib import Path

import psutil
import pytest
import requests

from tests.support.databases import fresh_database


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone: what is sent here gets no further than the guard; test_json_fields shows both engines odd text."""
    return fresh_database("sqlite", tmp_path)


NASTY = [
    *(bytes([byte]) for byte in range(256)),
    *(text.encode() for text in (
        "\U0001f332", "\U0001f469\u200d\U0001f4bb" * 50, "\u202e", "\u2028", "e\u0301", "\uff41.b.c",
        "undefined", "NaN", "[object Object]", "true", "' OR 1=1 --", "../../etc/passwd", "%00", "%0d%0aX-Evil: b",
        "${7*7}", "{{7*7}}", "<script>alert(1)</script>", "$(sleep 9)", "..", "...", ".", "a.b.c", "=",
        "e30.e30.e30", '"', "\\", '{"payload":"e30","signatures":[]}', "()", "%s%n%x", "0x0", "1e999", "\x85",
        "a" * 4095, "a" * 8000, "." * 4000)),
    b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\x00" * 100, b"a\r\nX-Evil: b", b"a\r\n\r\nGET / HTTP/1.1",
    b"a\nX-Evil: b", b"a\rb", b"a\r\n b", b"a\tb",
]  # fmt: skip


def status_of(port: int, authorization: bytes) -> int:
    """Return the status of GET /api/me, or 0 where the server hangs up on what is too much for it."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        try:
            lines = b"GET /api/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: " + authorization
            client.sendall(lines + b"\r\n\r\n")
            reply = client.recv(65_536)
        except OSError:
            return 0
    assert b"X-New-Token" not in reply
    return int(reply.split(b" ", 2)[1]) if reply else 0


@pytest.mark.parametrize(
    ("head", "statuses"),
    [
        (b"GET /api/me?" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost", {414}),
        (b"GET /api/me HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 9000, {431}),
        (b"POST /api/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: x", {400, 501}),
    ],
    ids=["line", "headers", "encoding"],
)
def test_what_the_server_refuses_before_us_is_what_the_description_says(live, head: bytes, statuses: set[int]) -> None:
    with live(workers=1) as server, socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(head + b"\r\nConnection: close\r\n\r\n")
        reply = client.recv(65_536)
        about = requests.get(f"{server.url}/api/openapi.json", timeout=10).json()["info"]["description"]
    status = int(reply.split(b" ", 2)[1])
    assert status in statuses
    assert b"Content-Type: text/html" in reply
    assert b"no-store" not in reply
    refusals = about.partition("What gunicorn itself")[2].partition("\n-")[0]
    assert str(status) in refusals


def test_no_bytes_in_the_authorization_header_upset_the_server(live) -> None:
    """T14, T13: past a proxy that normalises nothing; and after 10 MB of tokens it has grown no fatter."""
    with live(workers=1) as server:
        for token in NASTY:
            assert status_of(server.port, b"Bearer x" + token + b"x") in (400, 401), token
            assert status_of(server.port, token) in (400, 401), token
        worker = psutil.Process(server.worker_pids[0])
        before = worker.memory_info().rss
        for size in (9_000, 100_000, *[1_000_000] * 10):
            assert status_of(server.port, b"Bearer " + b"a" * size) in (0, 400, 431), size
        assert worker.memory_info().rss - before < 16 * 1024 * 1024
        assert status_of(server.port, b"Bearer x") == 401
        assert "Traceback" not in server.log
        assert "Exception" not in server.log
