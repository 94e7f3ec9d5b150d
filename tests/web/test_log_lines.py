"""What the server logs: one JSON object a line whatever was sent, and nothing that would open anything."""

import io
import json
import logging
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import forge, people
from tests.support.databases import fresh_database
from tests.support.steps import DAY, HOUR
from webapp import logs
from webapp.config import ROOT

TIMEOUT = 60  # seconds
CANARY = "canary-0123456789abcdef0123456789"
HOSTILE = (
    'x\r\n{"level": "forged"}',
    "\x1b[2J\x1b]0;x\x07",
    '","level":"forged","x":"',
    "\u2028\u202e",
    "a\x00b",
    "a\x7fb",
)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: no line is about the database."""
    return fresh_database("sqlite", tmp_path)


def lines(log: str) -> list[dict[str, Any]]:
    """Return the log as its lines' objects; all that is none of them is what gunicorn.conf.py says at the start."""
    texts = [text for text in log.splitlines() if not text.startswith("Evergreen serves ")]
    return [json.loads(text) for text in texts]


def send_raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_each_request_is_one_line_whatever_it_holds(live) -> None:
    """I12"""
    with live(log_format="json", trusted_proxies=1) as server:
        sent = 0
        for text in HOSTILE:
            quoted = text.encode("unicode_escape").decode()
            headers = {"User-Agent": quoted, "X-Forwarded-For": quoted}
            for path in (
                "/login",
                f"/nothing/{httpx.QueryParams({'x': text})}",
                f"/reset/{httpx.URL('/' + quoted).path}",
            ):
                httpx.get(f"{server.url}{path}", headers=headers, timeout=TIMEOUT)
                sent += 1
            httpx.post(
                f"{server.url}/api/login", json={"email": text, "password": text}, headers=headers, timeout=TIMEOUT
            )
            # Header bytes as they are, without a library that knows better.
            raw = text.replace("\0", "").replace("\r\n", "\r\n ").encode()
            send_raw(
                server.port,
                b"GET /api/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: " + raw + b"\r\n\r\n",
            )
            sent += 1
        found = lines(server.log)
    requests = [line for line in found if line["logger"] == "webapp.requests" and line["path"] != "/healthz"]
    assert len(requests) >= sent
    assert all(line["level"] != "forged" for line in found)
    assert all(character.isprintable() for character in server.log.replace("\n", ""))


def test_a_line_tells_request_user_session_and_time(live) -> None:
    """As the one that docs/operations.md shows: same names, same types."""
    text = (ROOT / "docs/operations.md").read_text()
    shown = next(json.loads(line) for line in text.splitlines() if line.startswith('{"at":'))
    with live(log_format="json") as server:
        reply = httpx.post(
            f"{server.url}/api/login",
            json={"email": people.EMAIL, "password": people.PASSWORD, "transport": "body"},
            timeout=TIMEOUT,
        )
        token = reply.json()["access_token"]
        httpx.get(f"{server.url}/api/me?secret={CANARY}", headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT)
        began = forge.read(token)["iat"] + HOUR - DAY
        near_end = forge.forge(token, iat=began, nbf=began, exp=began + DAY)
        httpx.get(f"{server.url}/api/me", headers={"Authorization": f"Bearer {near_end}"}, timeout=TIMEOUT)
        refused = httpx.get(f"{server.url}/api/me", timeout=TIMEOUT).json()
        httpx.get(f"{server.url}/reset/{CANARY}", timeout=TIMEOUT)
        found = lines(server.log)
    of_me, renewed = (line for line in found if line.get("path") == "/api/me" and line["status"] == 200)
    assert renewed["renewed"] is True
    assert {name: type(value) for name, value in of_me.items()} == {name: type(value) for name, value in shown.items()}
    assert of_me["message"] == f"GET /api/me 200 {of_me['ms']:.1f} ms"
    assert (of_me["method"], of_me["address"], of_me["renewed"]) == ("GET", "127.0.0.1", False)
    assert of_me["user_id"] == reply.json()["user"]["id"]
    assert len(of_me["session_id"]) == 22
    assert of_me["ms"] > 0
    assert [line["status"] for line in found if line["request_id"] == refused["request_id"]] == [401]
    assert r"/reset/\u2026" in [line.get("path") for line in found]
    assert not any(part in server.log for part in (CANARY, *token.split(".")[1:], people.PASSWORD))


def test_what_gunicorn_says_of_a_damaged_request_quotes_none_of_it(live) -> None:
    """O05: a line or a header that cannot be read may hold a token as well as a whole one."""
    damaged = [
        f"GET /reset/{CANARY} HTTP/9.9\r\nHost: localhost\r\n\r\n",
        f"GET /reset/{CANARY}\r\nHost: localhost\r\n\r\n",
        f"GET /{CANARY} x y HTTP/1.1\r\nHost: localhost\r\n\r\n",
        f"{CANARY} / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {CANARY}\0\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization Bearer {CANARY}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: localhost\r\nX:\r\n Bearer {CANARY}\r\n\r\n",
        f"POST /api/refresh HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}\r\n",
        f"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: {CANARY}\r\n\r\n",
    ]
    with live(log_format="json") as server:
        for request in damaged:
            send_raw(server.port, request.encode())
        found = lines(server.log)
    said = [line["message"] for line in found if line["logger"] == "gunicorn.error"]
    assert len(said) >= len(damaged) - 2, said
    assert all("Invalid request from ip=127.0.0.1" in message for message in said)
    assert CANARY not in server.log


def test_a_line_has_no_control_characters() -> None:
    said = "".join(map(chr, range(0xA0)))
    line = logs.JsonFormatter().format(logging.makeLogRecord({"msg": said}))
    assert json.loads(line)["message"] == said
    assert line.isascii()
    assert line.isprintable()


def test_half_a_character_costs_no_line() -> None:
    """It is in no UTF-8, and in what a driver or a library may say."""
    record = logging.makeLogRecord({"msg": "half \ud83d", "fields": {"path": "\udc80", "at_fault": ValueError("x")}})
    line = json.loads(logs.JsonFormatter().format(record))
    assert (line["message"], line["path"], line["at_fault"]) == ("half \ud83d", "\udc80", "x")


def test_a_requests_record_has_all_that_others_formatters_ask_for(caplog) -> None:
    """As when the application runs within somebody else's logging."""
    log = logging.getLogger("webapp.requests")
    with caplog.at_level(logging.INFO, logger="webapp"):
        log.info("GET /100%%s %s", 200, extra={"fields": {}})
        logs.note(log, "GET /100%s 200", {})
    usual, lean = caplog.records
    assert lean.__dict__.keys() == usual.__dict__.keys()
    assert (lean.getMessage(), lean.name, lean.levelname) == (usual.getMessage(), usual.name, "INFO")
    assert (lean.process, lean.threadName) == (None, None)
    assert 0 <= lean.created - usual.created < 60
    assert abs(lean.msecs - lean.created % 1 * 1000) <= 1


def test_requests_are_not_noted_where_nobody_wants_to_know(caplog) -> None:
    log = logging.getLogger("webapp.requests")
    with caplog.at_level(logging.WARNING, logger="webapp.requests"):
        logs.note(log, "GET / 200", {})
    assert not caplog.records


def test_an_unexpected_error_is_one_line_with_its_traceback_and_request(make_app, monkeypatch) -> None:
    app = make_app()
    app.add_url_rule("/api/broken", "broken", lambda: {}["missing"])
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter())
    monkeypatch.setattr(logging.getLogger("webapp"), "handlers", [handler])
    reply = app.test_client().get("/api/broken")
    error, request = lines(stream.getvalue())
    assert (error["level"], error["logger"], request["status"]) == ("error", "webapp.web.problems", 500)
    assert "KeyError" in error["exception"]
    assert {error["request_id"], request["request_id"]} == {reply.get_json()["request_id"]}
