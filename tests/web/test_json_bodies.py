"""Bodies: one UTF-8 JSON object, of the right content type, or a 4xx (I02 to I05)."""

import json

from tests.support.json_routes import GOOD, assert_problem, at_every_route

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
