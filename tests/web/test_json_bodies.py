"""Bodies: one UTF-8 JSON object of known fields, of bounded size, or a 4xx (I01 to I05)."""

import json
import select
import socket
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from flask import Flask
from sqlalchemy import select as query
from werkzeug.test import TestResponse

from tests.support import people
from webapp.database import db

LIMIT = 64 * 1024
GOOD: dict[str, dict[str, Any]] = {
    "POST /api/login": {"email": people.EMAIL, "password": people.PASSWORD},
    "POST /api/refresh": {"refresh_token": "x"},
    "POST /api/logout": {"refresh_token": "x"},
    "PATCH /api/me": {"first_name": "Ann", "last_name": "Lee"},
}
FIELDS = {
    "POST /api/login": ("email", "password", "transport", "code"),
    "POST /api/refresh": ("refresh_token",),
    "POST /api/logout": ("refresh_token",),
    "PATCH /api/me": ("first_name", "last_name"),
}
at_every_route = pytest.mark.parametrize("route", GOOD)
Send = Callable[..., TestResponse]


@pytest.fixture
def send(app: Flask, signed_in: people.SignedIn) -> Send:
    """A function that sends a body (bytes, or a value as JSON) to a route, with the access token where one is asked."""

    def send(route: str, body: Any, **options: Any) -> TestResponse:
        method, path = route.split()
        headers = signed_in.bearer if path == "/api/me" else {}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        options = {"content_type": "application/json", **options}
        return app.test_client().open(path, method=method, data=data, headers=headers, **options)

    return send


@pytest.fixture
def state(app: Flask) -> Callable[[], list[Any]]:
    """A function that reads every row there is, but for the record of failed sign-ins."""

    def read() -> list[Any]:
        with app.app_context():
            tables = [table for table in db.metadata.sorted_tables if table.name != "audit_events"]
            return [db.session.execute(query(table)).all() for table in tables]

    return read


def assert_problem(reply: TestResponse, status: int, code: str, what: object = "") -> None:
    assert (reply.status_code, reply.content_type) == (status, "application/problem+json"), (what, reply.text)
    problem = reply.get_json()
    assert {"type", "title", "status", "detail", "code"} <= problem.keys()
    assert (problem["status"], problem["code"]) == (status, code)


# --- what is JSON ----------------------------------------------------------------------------------------

NOT_JSON: dict[str, bytes] = {
    "I02 lists without end": b"[" * 60_000,
    "I02 objects without end": b'{"a":' * 12_000,
    "I02 lists 60 kB deep": b'{"email":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "I02 21 levels": b'{"email":' + b"[" * 20 + b"]" * 20 + b"}",
    "I02 21 levels of objects": b'{"a":' * 21 + b"1" + b"}" * 21,
    **{f"I03 {number}": b'{"email":%s}' % number.encode()
       for number in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "0x1", "01", "+1", ".5", "1.", "9" * 5000)},
    "I03 a name twice": b'{"email":"a@b.c","email":"d@e.f","password":"x"}',
    "I03 a name twice, once escaped": b'{"email":"a@b.c","em\\u0061il":"d@e.f"}',
    "I03 a name twice, further in": b'{"email":{"a":1,"a":1}}',
    **{f"I03 {codec}": '{"email":"a@b.c"}'.encode(codec) for codec in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig")},
    **{f"I03 not an object: {text[:9]}": text.encode()
       for text in ("null", "true", "1", '"x"', "[]", '[{"a":1}]', " ", "{", "}", "{}{}", "{} x", '{"a":1,}', "{a:1}",
                    "{'a':1}", '{"a":1 /**/}')},
    "I05 invalid UTF-8": b'{"email":"\xff"}',
    "I05 overlong UTF-8": b'{"email":"\xc0\xaf"}',
    "I05 surrogate in UTF-8": b'{"email":"\xed\xa0\x80"}',
    "I05 raw NUL": b'{"email":"\0"}',
    "I05 raw newline": b'{"email":"a\nb"}',
    "I05 NUL": b'{"email":"a\\u0000b"}',
    "I05 lone surrogate": b'{"email":"\\ud800"}',
    "I05 surrogates the wrong way round": b'{"email":"\\udc00\\ud800"}',
    "I05 NUL in a name": b'{"a\\u0000":1}',
    "I05 lone surrogate in a list": b'{"email":["\\udfff"]}',
}  # fmt: skip


@at_every_route
def test_a_body_that_is_not_one_utf8_json_object_is_a_400(send, state, route) -> None:
    """I02, I03, I05 as the table says."""
    before = state()
    for name, body in NOT_JSON.items():
        assert_problem(send(route, body), 400, "malformed_json", name)
    assert state() == before


def test_twenty_levels_are_read(send) -> None:
    """I02: the last depth that is let through, to be refused for its type."""
    assert_problem(
        send("POST /api/login", {"email": json.loads("[" * 19 + "]" * 19), "password": "x"}), 422, "invalid_fields"
    )


FORM = "application/x-www-form-urlencoded"
OTHER_TYPES = (None, "", "text/plain", "text/json", "application/xml", "multipart/form-data; boundary=x", FORM,
               "application/jsonp", "application/problem+json", "text/plain; application/json")  # fmt: skip


@at_every_route
def test_another_content_type_is_a_415(send, state, route) -> None:
    """I04; a refresh may come as a form too, see test_oauth_forms."""
    before = state()
    for content_type in OTHER_TYPES:
        if (route, content_type) != ("POST /api/refresh", FORM):
            reply = send(route, GOOD[route], content_type=content_type)
            assert_problem(reply, 415, "unsupported_media_type", content_type)
    assert state() == before


def test_parameters_and_case_of_the_content_type_do_not_matter_and_a_get_needs_no_body(send, signed_in) -> None:
    """I04"""
    for content_type in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
        assert send("PATCH /api/me", GOOD["PATCH /api/me"], content_type=content_type).status_code == 200
    assert send("GET /api/me", b"\xff{").get_json()["first_name"] == "Ann"


# --- what is in it ---------------------------------------------------------------------------------------


@at_every_route
def test_unknown_fields_are_named_and_refused(send, state, route) -> None:
    """Z02: nobody makes themselves an admin by a field that the schema does not know."""
    before = state()
    for name in ("is_admin", "id", "email_verified", "password_hash", "created_at", "Email", "__proto__", "", "_"):
        reply = send(route, GOOD[route] | {name: True})
        assert_problem(reply, 422, "invalid_fields")
        assert list(reply.get_json()["errors"]) == [name or "body"]
    assert state() == before


@at_every_route
def test_values_of_another_type_are_refused_by_field(send, state, route) -> None:
    """I03: nothing is taken for a string that is none."""
    before = state()
    for field in FIELDS[route]:
        for value in (1, 1.5, True, [], ["x"], {}, {"$ne": 1}, {"$gt": ""}):
            reply = send(route, GOOD[route] | {field: value})
            assert_problem(reply, 422, "invalid_fields")
            assert all(isinstance(text, str) for text in reply.get_json()["errors"][field])
    assert state() == before


WRONG_SIGN_INS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("remember", ("true", 1, 0, None, [], "")),
    ("transport", ("Cookie", "", "header", "cookie ")),
    ("email", (None, "", "a" * 246 + "@test.com", "a" * 60_000 + "@test.com")),
    ("password", (None, "", "x" * 1025)),
    ("code", ("1" * 65,)),
)


def test_a_sign_in_with_a_wrong_field_says_which(send, state) -> None:
    """I05"""
    before = state()
    bodies = [(field, GOOD["POST /api/login"] | {field: value}) for field, values in WRONG_SIGN_INS for value in values]
    for field, body in [*bodies, ("email", {"password": "x"}), ("password", {"email": "x"})]:
        reply = send("POST /api/login", body)
        assert_problem(reply, 422, "invalid_fields", body)
        assert list(reply.get_json()["errors"]) == [field]
    assert state() == before


def test_a_profile_change_has_to_say_something_and_to_fit(send, signed_in) -> None:
    """I05: the last length that fits is kept whole, on both engines."""
    for body, field in (({}, "body"), ({"first_name": "x" * 101}, "first_name"), ({"last_name": "a\nb"}, "last_name")):
        reply = send("PATCH /api/me", body)
        assert_problem(reply, 422, "invalid_fields")
        assert list(reply.get_json()["errors"]) == [field]
    for name in ("x" * 100, "\U0001f333" * 100, "'; DROP TABLE users; --", "{{7*7}}", "<script>", "e\u0301", "%s%n"):
        assert send("PATCH /api/me", {"first_name": name}).get_json()["first_name"] == name
        assert signed_in.me().get_json()["first_name"] == name


ODD = ("\x01", "\x7f", "\x1b[31m", "a\r\nBcc: b@c.d", "\u202e", "\u200b", "\ufeff", "\u2028", "\uffff", "\U0010ffff",
       "\U0001f469\u200d\U0001f4bb", "\u0130", "\u00df" * 254, "\u0390" * 254, "x" * 254, "x" * 1024, "x" * 60_000, "'",
       '"', "\\", "%00", "${7*7}", "{{7*7}}", "a@b@c", "@", "a@", "@b", "a@[127.0.0.1]", "a@b..c", "a@\u3002",
       "xn--@xn--a", '"a b"@c.de', "a@b.c" * 50, "\u212a@k.com", "=cmd()", "\u0661", "a" * 64 + "@b.de")  # fmt: skip


@at_every_route
def test_odd_text_in_any_field_is_no_fault_of_the_server(send, route) -> None:
    """I05, on both engines."""
    for field in FIELDS[route]:
        for text in ODD:
            assert send(route, GOOD[route] | {field: text}).status_code in (200, 204, 401, 422), ascii(text)


def test_names_take_no_characters_that_reorder_or_hide_text(send) -> None:
    """I05: as the form on the page refuses them, so that no name can pose as another."""
    for text in ("evil\u202egpj", "\u2066x", "a\u2028b", "a\x85b"):
        assert_problem(send("PATCH /api/me", {"first_name": text}), 422, "invalid_fields")


# --- size ------------------------------------------------------------------------------------------------


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
