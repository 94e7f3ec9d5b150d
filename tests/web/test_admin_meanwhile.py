"""What an administrator asks for is done by who is one still, and in, when the database comes to it."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Update, update
from werkzeug.test import TestResponse

from tests.support import forge, people
from tests.support.desk import ADMIN, TOO_LATE, all_events, change, fitting, unfitting, user
from tests.support.meanwhile import wait_for
from tests.support.steps import START, csrf_token, current_sid
from webapp.models import AuthSession, User
from webapp.web.admin_acts import ACTS
from webapp.web.guard import ENDED_BECAUSE

Post = Callable[..., TestResponse]
END = "/admin/sessions/end"

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def post_meanwhile(app: Flask, desk: FlaskClient) -> Post:
    """A function that posts a form of the desk, which finds the database changed by the time it is let go on."""

    def post(path: str, *changes: Update, **fields: str) -> TestResponse:
        form = {"csrf_token": csrf_token(desk.get("/admin/sessions")), "address": people.EMAIL, **fields}
        return wait_for(app, lambda: desk.post(path, data=form), *changes)

    return post


def of(email: str, **values: Any) -> Update:
    return update(User).where(User.email == email).values(values)


def form_of(app: Flask, act: str, john: people.SignedIn) -> tuple[str, dict[str, str]]:
    """Return where the form of an act is sent that fits John Doe, and what it says of him."""
    claims = forge.read(john.access)
    if act == END:
        return END, {"sid": claims["sid"]}
    change(app, int(claims["sub"]), **fitting(act))
    return f"/admin/users/{claims['sub']}/{act}", {}


@pytest.mark.parametrize("act", [*ACTS, END])
def test_who_is_no_administrator_any_more_does_nothing(
    app: Flask, user_id: int, post_meanwhile: Post, act: str
) -> None:
    """V06, Z01, Z09."""
    john = people.sign_in(app.test_client())
    path, fields = form_of(app, act, john)
    before = all_events(app)
    reply = post_meanwhile(path, of(ADMIN, is_admin=False), **fields)
    assert (reply.status_code, "This page is for administrators" in reply.text) == (403, True)
    assert all_events(app) == [*before, "administration_refused"]
    row = user(app, user_id)
    assert act == END or {name: getattr(row, name) for name in fitting(act)} == fitting(act)
    assert john.me().status_code == (401 if act == "activate" else 200)


@pytest.mark.parametrize("act", ["promote", END])
@pytest.mark.parametrize("reason", ["ended_by_user", "deactivated"])
def test_an_act_of_a_session_that_was_ended_meanwhile_leads_to_the_sign_in(
    app: Flask, desk: FlaskClient, post_meanwhile: Post, act: str, reason: str
) -> None:
    """V04, V06: which says why."""
    john = people.sign_in(app.test_client())
    path, fields = form_of(app, act, john)
    before = all_events(app)
    ended = update(AuthSession).where(AuthSession.id == current_sid(desk))
    ended = ended.values(revoked_at=START, revoked_reason=reason)
    reply = post_meanwhile(path, of(ADMIN, is_active=reason != "deactivated"), ended, **fields)
    page = "/admin/sessions" if act == END else path
    assert (reply.status_code, reply.location) == (303, f"/login?next={page}")
    assert ENDED_BECAUSE[reason] in desk.get("/login").text
    assert desk.get_cookie("refresh_token") is None
    assert all_events(app) == before
    assert john.me().status_code == 200


MEANWHILE = [(act, unfitting(act)) for act in ACTS if act not in ("end-sessions", "remove-second-factor")]


@pytest.mark.parametrize("what", [*MEANWHILE, ("promote", {"is_active": False})])
def test_what_somebody_else_does_meanwhile_is_not_done_again_or_against_it(
    app: Flask, desk: FlaskClient, user_id: int, post_meanwhile: Post, what: tuple[str, dict[str, Any]]
) -> None:
    """Z09: nor written down."""
    act, values = what
    change(app, user_id, **fitting(act))
    before = all_events(app)
    reply = post_meanwhile(f"/admin/users/{user_id}/{act}", of(people.EMAIL, **values))
    assert (reply.status_code, TOO_LATE in desk.get(reply.location).text) == (303, True)
    assert all_events(app) == before
    assert {name: getattr(user(app, user_id), name) for name in values} == values
