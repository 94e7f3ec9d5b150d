"""Changing one's password (A10, V05)."""

from collections.abc import Callable

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.cookies import cookies
from tests.support.mailbox import Mailbox
from tests.support.steps import HOUR, alert, is_signed_in, sign_in_by_form, submit

GOOD = "seven quiet hedges"


pytestmark = pytest.mark.usefixtures("clock")


def change(session: people.SignedIn, new: str = GOOD, current: str = people.PASSWORD) -> tuple[int, list[str]]:
    body = {"current_password": current, "new_password": new}
    reply = session.http.post("/api/me/password", json=body, headers=session.bearer)
    assert "X-New-Token" not in reply.headers
    return reply.status_code, list((reply.json or {}).get("errors", {}))


def test_a_new_password_ends_every_other_session_and_keeps_this_one(mailbox: Mailbox) -> None:
    """V05, A10: and the owner is mailed."""
    people.create_user(mailbox.app)
    mine, *others = (people.sign_in(mailbox.app.test_client()) for _ in range(3))
    assert change(mine) == (204, [])
    assert [session.me().status_code for session in (mine, *others)] == [200, 401, 401]
    assert mailbox.to(people.EMAIL) == ["Your password was changed"]
    people.sign_in(mailbox.app.test_client(), password=GOOD)


def test_a_new_password_makes_nobody_fresh_who_holds_an_old_token_of_the_session(
    app: Flask, user_id: int, clock: time_machine.Traveller
) -> None:
    """V05: what an owner does who suspects something lets no thief at the second factor."""
    mine = people.sign_in(app.test_client())
    clock.shift(HOUR)
    assert change(mine) == (204, [])
    reply = mine.http.post("/api/me/totp", headers=mine.bearer)
    assert (reply.status_code, reply.json["code"]) == (403, "reauthentication_required")


@pytest.mark.parametrize(
    ("new", "current", "field"),
    [(GOOD, "wrong", "current_password"), ("short", people.PASSWORD, "new_password"),
     ("password1", people.PASSWORD, "new_password"), ("test@test.com", people.PASSWORD, "new_password")],
)  # fmt: skip
def test_a_change_that_is_refused_names_the_field_and_ends_nothing(
    app: Flask, user_id: int, new: str, current: str, field: str
) -> None:
    """A10."""
    mine, other = people.sign_in(app.test_client()), people.sign_in(app.test_client())
    assert change(mine, new, current) == (422, [field])
    assert (mine.me().status_code, other.me().status_code) == (200, 200)


def test_guessing_the_current_password_is_throttled_without_keeping_the_owner_out(
    make_app: Callable[..., Flask],
) -> None:
    """A10."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    mine = people.sign_in(app.test_client())
    statuses = [change(mine, GOOD, "wrong")[0] for _ in range(20)]
    assert statuses == [422] * 10 + [429] * 10
    assert change(mine)[0] == 429
    people.sign_in(app.test_client())


def test_the_page_changes_the_password_and_says_what_is_wrong(app: Flask, user_id: int) -> None:
    """V05."""
    http, other = app.test_client(), app.test_client()
    for client in (http, other):
        sign_in_by_form(client)
    form = {"current_password": "wrong", "new_password": GOOD}
    refused = submit(http, "/account/security/password", form, form="/account/security")
    assert (refused.status_code, alert(refused)) == (422, "There is a problem That is not your password.")
    reply = submit(http, "/account/security/password", {**form, "current_password": people.PASSWORD}, form="/account")
    assert reply.headers["Location"] == "/account/security"
    assert "Your other devices are signed out" in http.get("/account/security").text
    assert not is_signed_in(other)


@pytest.mark.parametrize(("transport", "is_browser"), [("cookie", False), ("body", False), ("body", True)])
def test_a_browser_stays_known_and_a_program_is_given_no_cookie(
    app: Flask, user_id: int, transport: str, is_browser: bool
) -> None:
    """V05: a browser is who signs in by the cookie, or has been made known before."""
    http = app.test_client()
    if is_browser:
        sign_in_by_form(http)
    session = people.sign_in(http, transport=transport)
    body = {"current_password": people.PASSWORD, "new_password": GOOD}
    reply = http.post("/api/me/password", json=body, headers=session.bearer)
    assert list(cookies(reply)) == ([] if transport == "body" and not is_browser else ["known_device"])
