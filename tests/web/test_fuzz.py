"""Whatever is sent, the API answers in its own words and is never at fault (T09, T10, T13, T14, I03, I05, H09)."""

import json
import socket
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.forge import forge, read
from tests.support.settings import make_settings
from webapp import create_app, tokens
from webapp.errors import InvalidToken

# The same examples every time: a failure here is never a surprise of the day.
fuzzed = settings(derandomize=True, max_examples=150, deadline=None, database=None)
ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"  # in base64url's order


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone: what is sent here gets no further than the guard; test_json_fields shows both engines odd text."""
    return fresh_database("sqlite", tmp_path)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[people.SignedIn]:
    """John Doe signed in, once for the file."""
    url = fresh_database("sqlite", tmp_path_factory.mktemp("fuzz"))
    app = create_app(make_settings(database_url=url))
    app.config["PROPAGATE_EXCEPTIONS"] = False
    people.create_user(app)
    yield people.sign_in(app.test_client())
    with app.app_context():
        close_connections()


def app_of(session: people.SignedIn) -> Flask:
    return session.http.application


def assert_answered(reply: TestResponse) -> None:
    assert reply.status_code < 500, reply.text
    assert reply.headers["Cache-Control"] == "no-store"
    if reply.status_code < 400 or reply.request.method == "HEAD":
        return
    answer = reply.get_json()
    if reply.content_type == "application/json":
        assert (reply.status_code, set(answer)) == (400, {"error", "error_description"})
    else:
        assert reply.content_type == "application/problem+json"
        assert {"type", "title", "status", "detail", "code"} <= answer.keys()
        assert answer["status"] == reply.status_code
        assert all(isinstance(answer[name], str) and answer[name] for name in ("type", "title", "detail", "code"))


# --- anything, anywhere ----------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=()), max_size=40)  # lone surrogates and NUL with the rest
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("email", "password", "transport", "remember", "code", "refresh_token", "first_name", "last_name", "page")
OBJECTS = st.dictionaries(
    st.sampled_from(FIELDS) | TEXT, JSON_VALUES | st.sampled_from(["cookie", people.EMAIL]), max_size=4
)
ROUTES = ("/api/login", "/api/refresh", "/api/logout", "/api/me", "/api/sessions", "/api/products", "/api/nothing")
METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "TRACE", "PURGE")
FORM = "application/x-www-form-urlencoded"
CONTENT_TYPES = ("application/json", FORM, "multipart/form-data; boundary=x", "text/plain", "é")
# What a WSGI server hands on of a header: Latin-1 without NUL, CR and LF.
VALUES = st.text(st.characters(max_codepoint=255, exclude_characters="\0\r\n"), max_size=60)
HEADERS = st.dictionaries(
    st.sampled_from(("Authorization", "Cookie", "Origin", "Sec-Fetch-Site", "User-Agent", "X-Forwarded-For", "Accept",
                     "Range", "If-None-Match", "Transfer-Encoding", "Expect", "Access-Control-Request-Method")),
    VALUES | st.sampled_from(("Bearer x", "Bearer x.y.z", "refresh_token=x", "same-origin", "null", "http://a.b:1")),
    max_size=4,
)  # fmt: skip


@fuzzed
@given(route=st.sampled_from(ROUTES), value=OBJECTS | JSON_VALUES, is_signed_in=st.booleans())
def test_any_json_value_is_answered(session, route, value, is_signed_in) -> None:
    """I03"""
    for method in ("POST", "PATCH", "DELETE"):
        if (method, route) == ("DELETE", "/api/sessions"):
            continue
        reply = app_of(session).test_client().open(
            route, method=method, json=value, headers=session.bearer if is_signed_in and "logout" not in route else {}
        )  # fmt: skip
        assert_answered(reply)


REQUESTS = st.fixed_dictionaries(
    {
        "path": st.sampled_from(ROUTES),
        "method": st.sampled_from(METHODS),
        "data": st.binary(max_size=80) | OBJECTS.map(lambda value: json.dumps(value).encode()),
        "content_type": st.sampled_from(CONTENT_TYPES) | VALUES,
        "headers": HEADERS,
        "query_string": st.text(st.characters(max_codepoint=255), max_size=20),
    }
)


@fuzzed
@given(request=REQUESTS)
def test_any_bytes_and_headers_are_answered(session, request) -> None:
    """I03, I05, T14"""
    assert_answered(app_of(session).test_client(use_cookies=False).open(**request))


PAIRS = st.tuples(st.sampled_from(["grant_type", "refresh_token", "x"]), TEXT | st.just("refresh_token"))


@fuzzed
@given(pairs=st.lists(PAIRS, max_size=4))
def test_any_form_is_answered(session, pairs) -> None:
    """I05"""
    data = b"&".join(name.encode() + b"=" + text.encode(errors="surrogatepass") for name, text in pairs)
    form = {"data": data, "content_type": FORM}
    assert_answered(app_of(session).test_client().post("/api/refresh", **form))


# --- a live token, touched -------------------------------------------------------------------------------


def verify(session: people.SignedIn, kind: str, token: str) -> Any:
    check = tokens.verify_access if kind == "access" else tokens.verify_refresh
    now = datetime.fromtimestamp(read(session.access)["iat"], UTC)
    return check(app_of(session).extensions["settings"], token, now=now)


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_no_character_of_a_token_can_be_another(session, kind) -> None:
    """T09, T10: at every position each single bit of the character is flipped, and a stranger is put there."""
    live = getattr(session, kind)
    assert verify(session, kind, live)
    for position, right in enumerate(live):
        value = ALPHABET.find(right)
        flipped = [ALPHABET[value ^ bit] for bit in (1, 2, 4, 8, 16, 32)] if right != "." else []
        for other in (*flipped, *".=+/ é".replace(right, "")):
            with pytest.raises(InvalidToken):
                verify(session, kind, live[:position] + other + live[position + 1 :])


@fuzzed
@given(start=st.integers(0, 460), cut=st.integers(0, 30), put=st.text(ALPHABET + ".=+/%\n", max_size=30) | TEXT)
def test_an_edited_token_is_refused_or_is_the_same_token(session, start, cut, put) -> None:
    """T09"""
    for kind in ("access", "refresh"):
        live = getattr(session, kind)
        edited = live[:start] + put + live[start + cut :]
        if edited != live:
            with pytest.raises(InvalidToken):
                verify(session, kind, edited)


def test_a_token_may_have_4096_characters_and_not_more(session) -> None:
    """T13: rightly signed as it is, the longer one is not even looked at."""
    made = (forge(session.access, jti="x" * length) for length in range(2600, 2800))
    sizes = {len(token): token for token in made}
    longest, too_long = max(size for size in sizes if size <= 4096), min(size for size in sizes if size > 4096)
    assert too_long - longest < 3
    assert session.me(sizes[longest]).status_code == 200
    assert session.me(sizes[too_long]).status_code == 401


# --- over the wire ---------------------------------------------------------------------------------------

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
