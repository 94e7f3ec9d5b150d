"""A tab that is behind its browser, which was signed out or in elsewhere: refused as ever, and led on."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.command_line import run
from tests.support.steps import csrf_token, is_signed_in, sign_in_by_form, submit
from webapp.web.expired_forms import SIGNED_OUT

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def stale(user: FlaskClient) -> dict[str, str]:
    """What a form of a tab that was open holds, after signing out in another one."""
    held = {"csrf_token": csrf_token(user.get("/account"))}
    submit(user, "/logout", form="/account")
    user.get("/login")  # says so, and is done with it
    return held


def test_signing_out_once_more_says_that_one_is_signed_out(user: FlaskClient, stale: dict[str, str]) -> None:
    for data in (stale, {}):
        reply = user.post("/logout", data=data)
        assert (reply.status_code, reply.location) == (303, "/login")
        assert "You are signed out." in user.get("/login").text


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/account", "/account"),
        ("/account/security/password", "/account/security"),
        ("/account/sessions/end-others", "/account/sessions"),
        ("/admin/sessions/end", "/admin/sessions"),
    ],
)
def test_any_other_form_leads_to_the_sign_in_page_and_back(
    user: FlaskClient, stale: dict[str, str], path: str, page: str
) -> None:
    reply = user.post(path, data=stale)
    assert (reply.status_code, unquote(reply.location)) == (303, f"/login?next={page}")
    assert SIGNED_OUT in user.get(reply.location).text


def test_every_form_behind_a_sign_in_is_known_to_be(
    app: Flask, visitor: FlaskClient, state: Callable[[], list[Any]]
) -> None:
    """Those that lead to the sign-in page with a token that counts do without; the others say that they have expired.
    Neither changes anything."""
    before, values = state(), {"sid": "0" * 22, "user_id": 1, "passkey_id": 1, "act": "demote", "token": "x"}
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or rule.rule.startswith("/api/") or rule.endpoint == "auth.logout":
            continue
        path = adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments}, method="POST")
        # Not from a page of this form: some take no token for a sign-in, and answer for themselves.
        counts = visitor.post(path, data={"csrf_token": csrf_token(visitor.get("/login"))})
        is_behind = counts.status_code == 303 and counts.location.startswith("/login?next=")
        refused = visitor.post(path, data={"csrf_token": "too old"})
        assert (path, refused.status_code) == (path, 303 if is_behind else 400)
        if is_behind:
            assert refused.location == counts.location
        else:
            assert "The form has expired" in refused.text
    assert state() == before


def test_who_was_signed_out_by_somebody_else_is_told_that_and_the_cookie_goes(app: Flask, user: FlaskClient) -> None:
    run(app, "sessions", "revoke", "--all")
    reply = user.post("/account", data={"csrf_token": "too old"})
    assert (reply.status_code, reply.location) == (303, "/login?next=/account")
    assert user.get_cookie("refresh_token") is None
    assert "An administrator ended your session." in user.get("/login").text


def test_signing_in_again_leads_to_where_one_is_signed_in(visitor: FlaskClient) -> None:
    """Not with the password that was typed: whose it is was not looked at."""
    held = {"csrf_token": csrf_token(visitor.get("/login")), "email": people.EMAIL, "password": "wrong"}
    sign_in_by_form(visitor)
    for path in ("/login", "/login/code"):
        for next_, target in (
            ("/account/sessions", "/account/sessions"),
            ("//evil.example", "/account"),
            ("", "/account"),
        ):
            reply = visitor.post(path, data=held | {"next": next_})
            assert (reply.status_code, reply.location) == (303, target)
    assert "You are signed in already." in visitor.get("/account").text


def test_a_token_of_another_tab_moves_nothing_for_who_is_signed_in(user: FlaskClient, stale: dict[str, str]) -> None:
    """A16."""
    sign_in_by_form(user)
    for path in ("/logout", "/account"):
        assert user.post(path, data={**stale, "first_name": "Jane"}).status_code == 400
    assert is_signed_in(user)
    assert "Jane" not in user.get("/account").text
