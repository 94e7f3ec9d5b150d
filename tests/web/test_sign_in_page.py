"""Signing in by the form, without JavaScript: where it leads, and what it says when it fails."""

import pytest
from flask.testing import FlaskClient

from tests.support import people
from tests.support.steps import alert, attribute, field, is_signed_in, sign_in_by_form, submit, title

pytestmark = pytest.mark.usefixtures("clock")


def test_a_user_signs_in_by_the_form_and_is_led_to_the_account(visitor: FlaskClient) -> None:
    """C10."""
    reply = sign_in_by_form(visitor)
    assert (reply.status_code, reply.headers["Location"]) == (303, "/account")
    assert people.EMAIL in visitor.get("/account").text


def test_who_wanted_to_see_a_page_is_led_back_to_it(visitor: FlaskClient) -> None:
    """C09: the way there goes through the form's hidden field."""
    reply = visitor.get("/account/sessions?x=1&y=2")
    assert reply.status_code == 303
    form = visitor.get(reply.headers["Location"])
    target = attribute(field(form, "next"), "value")
    assert target == "/account/sessions?x=1&y=2"
    reply = sign_in_by_form(visitor, next=target)
    assert (reply.status_code, reply.headers["Location"]) == (303, target)


def test_who_sends_a_form_signed_out_is_told_why_and_led_to_its_page_afterwards(visitor: FlaskClient) -> None:
    """The address of a form is no page that one could be led back to."""
    reply = submit(visitor, "/account/sessions/end-others", form="/login")
    assert (reply.status_code, reply.headers["Location"]) == (303, "/login?next=/account/sessions")
    assert '<p class="flash flash-info" role="status">Sign in to go on.</p>' in visitor.get("/login").text


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)",
     "/\r\nSet-Cookie: a=b", "https:evil.example", "//evil.example\\@own", "/x\nLocation: https://evil.example"],
    ids=ascii,
)  # fmt: skip
def test_a_sign_in_never_leads_to_another_origin(visitor: FlaskClient, target: str) -> None:
    """C09: by the form, and for who is signed in already; never a 5xx."""
    assert sign_in_by_form(visitor, next=target).headers["Location"] == "/account"
    reply = visitor.get("/login", query_string={"next": target})
    assert (reply.status_code, reply.headers["Location"]) == (303, "/account")


def test_who_is_signed_in_already_is_led_on(user: FlaskClient) -> None:
    assert user.get("/login").headers["Location"] == "/account"
    assert user.get("/login?next=/account/sessions").headers["Location"] == "/account/sessions"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"password": "wrong"}, "Email or password is incorrect."),
        ({"email": "nobody@test.com"}, "Email or password is incorrect."),
        ({"email": ""}, "Enter your email address."),
        ({"password": ""}, "Enter your password."),
        ({"email": "x" * 255}, "at most 254 characters"),
        ({"password": "x" * 1025}, "at most 1024 characters"),
        ({"email": "a\0b@test.com"}, "cannot be seen"),
        ({"password": "a\0b"}, "cannot be typed"),
    ],
)
def test_a_sign_in_that_failed_says_why_keeps_the_address_and_drops_the_password(
    visitor: FlaskClient, fields: dict[str, str], words: str
) -> None:
    """A06, A01."""
    reply = sign_in_by_form(visitor, **fields)
    assert reply.status_code == 422
    assert title(reply).startswith("Error: ")
    assert words in alert(reply)
    assert attribute(field(reply, "password"), "value") == ""
    if "\0" not in fields.get("email", ""):
        assert attribute(field(reply, "email"), "value") == fields.get("email", people.EMAIL)
    assert not is_signed_in(visitor)


def test_a_page_without_errors_does_not_say_error(visitor: FlaskClient) -> None:
    page = visitor.get("/login")
    assert not title(page).startswith("Error")
    assert alert(page) == ""


def test_a_failed_sign_in_still_knows_where_to_go(visitor: FlaskClient) -> None:
    page = sign_in_by_form(visitor, password="wrong", next="/account/tokens")
    assert attribute(field(page, "next"), "value") == "/account/tokens"
