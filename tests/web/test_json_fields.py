"""Bodies: known fields, of the right type, in bounds, or a 4xx (I03, I05)."""

from typing import Any

from tests.support.json_routes import FIELDS, GOOD, assert_problem, at_every_route


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
    long, blank, broken = {"first_name": "x" * 101}, {"first_name": " " * 101}, {"last_name": "a\nb"}
    for body, field in (({}, "body"), (long, "first_name"), (blank, "first_name"), (broken, "last_name")):
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
    """I05: so that no name can pose as another; at its ends as well, since the description allows them nowhere."""
    for text in ("evil\u202egpj", "\u2066x", "a\u2028b", "a\x85b", "Jane\t", "\nJane", "\x1fJane"):
        assert_problem(send("PATCH /api/me", {"first_name": text}), 422, "invalid_fields")


def test_names_are_kept_without_the_spaces_around_them(send) -> None:
    """I05"""
    assert send("PATCH /api/me", {"first_name": " Ada Mary  "}).get_json()["first_name"] == "Ada Mary"
