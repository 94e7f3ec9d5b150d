"""The forgotten password: its mail, its link, what a reset changes, and whom it tells nothing."""

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.mailbox import Mailbox, text
from tests.support.recovery import NEW_PASSWORD, OTHER, forgot, reset
from tests.support.sessions import ended_because
from tests.support.steps import HOUR, alert, csrf_token, events, is_signed_in, login, sign_in_by_form, submit
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


def test_five_resets_a_day_are_mailed_and_the_answer_never_tells(app: Flask, mailbox: Mailbox) -> None:
    """P07."""
    for number in range(7):
        assert forgot(app) == 202
        assert len(mailbox.deliver()) == (1 if number < 5 else 0)


def test_who_asks_in_the_owners_name_does_not_keep_the_owner_from_a_link_that_works(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """P07, A13: when the last link is too old there is another, and no more than that, for more than a day."""
    for _ in range(5):
        forgot(app)
    assert len(mailbox.deliver()) == 5
    sent = []
    for _ in range(26 * 2):
        clock.shift(HOUR // 2)
        assert forgot(app) == 202
        sent.append(len(mailbox.deliver()))
    assert sent == [0, 1] * 26
    clock.shift(HOUR - 1)
    forgot(app)
    assert mailbox.deliver() == []
    clock.shift(1)
    forgot(app)
    token = mailbox.token("reset", people.EMAIL)
    clock.shift(HOUR - 1)
    forgot(app)
    assert reset(app, token) == (204, "")


def test_an_unknown_address_is_counted_as_a_known_one_is(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """A02, P07: so that the same is done for both, request by request."""
    for _ in range(7):
        for email in (people.EMAIL, "nobody@test.com"):
            assert forgot(app, email) == 202
    clock.shift(HOUR)
    for email in (people.EMAIL, "nobody@test.com"):
        forgot(app, email)
    written = sorted(events(app, "reset_requested"), key=lambda event: event.id)
    counted = [event.account_key is not None for event in written]
    assert counted[::2] == counted[1::2] == [True] * 5 + [False] * 2 + [True]


def test_what_is_no_address_is_not_kept(app: Flask, mailbox: Mailbox) -> None:
    """It may be a password, typed into the wrong field."""
    for _ in range(7):
        assert forgot(app, "Correct-Horse-9!") == 202
    assert [event.account_key for event in events(app, "reset_requested")] == [None] * 7
    assert forgot(app) == 202
    assert len(mailbox.deliver()) == 1


@pytest.mark.parametrize("typed", ["TEST@test.com", " test@TEST.com ", "test@test.com"])
def test_the_mail_goes_to_the_address_that_is_stored(app: Flask, mailbox: Mailbox, typed: str) -> None:
    """P04."""
    forgot(app, typed)
    assert [mail["To"] for mail in mailbox.deliver()] == [people.EMAIL]


def test_an_address_that_only_looks_alike_gets_no_mail(app: Flask, mailbox: Mailbox) -> None:
    """P04: K-sign and dotless i fold to letters of a stored address in some comparisons."""
    people.create_user(app, "quack@test.com")
    for typed in ("quac\u212a@test.com", "quack@test.com.", "quack@te\u017ft.com", "nobody@test.com"):
        assert forgot(app, typed) == 202
    assert {mail["To"] for mail in mailbox.deliver()} <= {"quack@test.com"}


def test_links_are_built_from_our_own_address(app: Flask, mailbox: Mailbox) -> None:
    """P03: a foreign Host is refused, other headers say nothing."""
    assert forgot(app, Host="evil.example") == 400
    for name in ("X-Forwarded-Host", "X-Forwarded-Server", "Forwarded", "X-Host", "X-Original-URL"):
        assert forgot(app, **{name: "evil.example"}) == 202
    for mail in mailbox.deliver():
        assert "http://localhost:8000/reset/" in text(mail)
        assert "evil" not in str(mail)


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


def test_the_form_asks_for_an_address_and_says_the_same_whatever_it_is(app: Flask, mailbox: Mailbox) -> None:
    """A03, P07."""
    places = []
    for email in (people.EMAIL, "nobody@test.com"):
        reply = submit(app.test_client(), "/forgot", {"email": email})
        places.append((reply.status_code, reply.headers["Location"]))
    assert places == [(303, "/check-your-mail?about=password")] * 2
    assert submit(app.test_client(), "/forgot", {"email": ""}).status_code == 422


def test_whoever_else_is_signed_in_where_the_link_is_opened_stays_so(app: Flask, mailbox: Mailbox) -> None:
    """V07."""
    people.create_user(app, "other@test.com")
    browser = app.test_client()
    sign_in_by_form(browser, email="other@test.com")
    forgot(app)
    assert submit(browser, f"/reset/{mailbox.token('reset')}", {"password": NEW_PASSWORD}).status_code == 303
    assert browser.get("/account").status_code == 200
