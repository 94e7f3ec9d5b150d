"""Whatever is sent, the API answers in its own words and is never at fault (I03, I05, H09, T14)."""

import json

from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.fuzzing import TEXT, app_of, fuzzed


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
