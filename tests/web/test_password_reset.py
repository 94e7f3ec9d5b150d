"""The link by which a forgotten password is set anew: how long and how often it works, and what a reset changes."""

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.recovery import NEW_PASSWORD, OTHER, forgot, reset
from tests.support.sessions import ended_because
from tests.support.steps import HOUR, alert, csrf_token, events, is_signed_in, login, sign_in_by_form, submit
from tests.support.ways_in import add_passkey, ways_in
from webapp.database import db
from webapp.models import User

pytestmark = pytest.mark.usefixtures("clock", "user_id")


def test_a_reset_sets_the_password_ends_every_session_and_signs_nobody_in(app: Flask, mailbox: Mailbox) -> None:
    """P06, V05: and the owner is told."""
    sessions = [people.sign_in(app.test_client()) for _ in range(2)]
    assert forgot(app) == 202
    token = mailbox.token("reset", people.EMAIL)
    reply = app.test_client().post("/api/password/reset", json={"token": token, "password": NEW_PASSWORD})
    assert (reply.status_code, reply.data, "Set-Cookie" in reply.headers) == (204, b"", False)
    assert [session.me().status_code for session in sessions] == [401, 401]
    assert ended_because(app) == {"password_reset"}
    assert mailbox.to(people.EMAIL) == ["Your password was changed"]
    assert (login(app, people.PASSWORD), login(app, NEW_PASSWORD)) == (401, 200)


def test_a_reset_link_works_once_and_a_refused_password_leaves_it(app: Flask, mailbox: Mailbox) -> None:
    """P01."""
    forgot(app)
    token = mailbox.token("reset")
    assert reset(app, token, "password") == (422, "invalid_fields")
    assert reset(app, token, "short") == (422, "invalid_fields")
    assert reset(app, token) == (204, "")
    assert reset(app, token, "another fine phrase") == (400, "invalid_link")
    assert login(app, NEW_PASSWORD) == 200


@pytest.mark.parametrize(("age", "expected"), [(HOUR - 1, 204), (HOUR, 400)])
def test_a_reset_link_works_for_an_hour(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller, age: int, expected: int
) -> None:
    """P01."""
    forgot(app)
    token = mailbox.token("reset")
    clock.shift(age)
    assert reset(app, token)[0] == expected


@pytest.mark.parametrize("what", ["newer link", "sign-in", "password change"])
def test_what_makes_a_reset_link_useless(app: Flask, mailbox: Mailbox, what: str) -> None:
    """P02."""
    session = people.sign_in(app.test_client())
    forgot(app)
    token = mailbox.token("reset")
    if what == "newer link":
        forgot(app)
        mailbox.deliver()
    elif what == "sign-in":
        people.sign_in(app.test_client())
    else:
        change = {"current_password": people.PASSWORD, "new_password": "a third fine phrase"}
        assert session.http.post("/api/me/password", json=change, headers=session.bearer).status_code == 204
    assert reset(app, token) == (400, "invalid_link")


def test_opening_a_reset_link_changes_nothing_and_its_form_resets(app: Flask, mailbox: Mailbox) -> None:
    """P05."""
    http = app.test_client()
    sign_in_by_form(http)
    forgot(app)
    path = f"/reset/{mailbox.token('reset')}"
    for _ in range(5):
        page = http.get(path)
        assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
    assert is_signed_in(http)
    refused = http.post(path, data={"csrf_token": csrf_token(page), "password": "test@test.com"})
    assert (refused.status_code, "your address" in alert(refused)) == (422, True)
    reply = http.post(path, data={"csrf_token": csrf_token(page), "password": NEW_PASSWORD})
    assert (reply.status_code, reply.headers["Location"]) == (303, "/login")
    assert not is_signed_in(http)
    assert "every device is signed out" in http.get("/login").text
    dead = http.get(path)
    assert (dead.status_code, "/forgot" in dead.text) == (400, True)


def test_whoever_resets_the_password_has_confirmed_the_address(app: Flask, mailbox: Mailbox) -> None:
    """P09: and whoever signed up with it is out."""
    people.create_user(app, OTHER, "the squatters phrase", is_verified=False)
    squatter = people.sign_in(app.test_client(), email=OTHER, password="the squatters phrase")
    forgot(app, OTHER)
    assert reset(app, mailbox.token("reset", OTHER)) == (204, "")
    assert squatter.me().status_code == 401
    assert people.sign_in(app.test_client(), email=OTHER, password=NEW_PASSWORD).me().json["email_verified"]
    forgot(app, OTHER)
    assert reset(app, mailbox.token("reset", OTHER), "eleven loud hedges") == (204, "")
    assert len(events(app, "email_verified")) == 1, "nor is it told twice"


def test_a_user_who_is_out_is_mailed_no_link_and_has_none(app: Flask, mailbox: Mailbox, user_id: int) -> None:
    """V06."""
    forgot(app)
    token = mailbox.token("reset")
    with app.app_context():
        db.session.get_one(User, user_id).is_active = False
        db.session.commit()
    assert forgot(app) == 202
    assert mailbox.deliver() == []
    assert reset(app, token) == (400, "invalid_link")


def test_whoever_else_is_signed_in_where_the_link_is_opened_stays_so(app: Flask, mailbox: Mailbox) -> None:
    """V07."""
    people.create_user(app, "other@test.com")
    browser = app.test_client()
    sign_in_by_form(browser, email="other@test.com")
    forgot(app)
    assert submit(browser, f"/reset/{mailbox.token('reset')}", {"password": NEW_PASSWORD}).status_code == 303
    assert browser.get("/account").status_code == 200


@pytest.mark.parametrize(("wish", "left"), [({}, ["mine"]), ({"remove_passkeys": True}, [])])
def test_a_reset_removes_the_passkeys_if_so_wished(
    app: Flask, mailbox: Mailbox, user_id: int, wish: dict[str, bool], left: list[str]
) -> None:
    add_passkey(app, user_id, "mine")
    forgot(app)
    body = {"token": mailbox.token("reset", people.EMAIL), "password": NEW_PASSWORD, **wish}
    assert app.test_client().post("/api/password/reset", json=body).status_code == 204
    assert ways_in(app)[1] == left


def test_the_page_that_sets_a_new_password_names_the_passkeys(app: Flask, mailbox: Mailbox, user_id: int) -> None:
    """They sign in without it."""
    forgot(app)
    http, link = app.test_client(), f"/reset/{mailbox.token('reset', people.EMAIL)}"
    assert "passkeys" not in http.get(link).text
    add_passkey(app, user_id, "somebody's <key>")
    page = http.get(link)
    assert "<li>somebody&#39;s &lt;key&gt;, added" in page.text
    fields = {"csrf_token": csrf_token(page), "password": NEW_PASSWORD, "remove_passkeys": "y"}
    assert http.post(link, data=fields).status_code == 303
    assert ways_in(app)[1] == []
