"""Proving again who one is by the password: what it opens, who may guess at it, where it leads."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from tests.support import people, steps
from tests.support.command_line import run
from tests.support.meanwhile import do_before
from tests.support.steps import HOUR, MINUTE, csrf_token, sign_in_by_form, submit
from tests.support.sudo import FRESH, RISKY_PAGES, confirm, is_fresh, reauthenticate, visit
from webapp import audit, passwords
from webapp.database import db
from webapp.models import User

WRONG = (422, {"password": ["That is not your password."]})
CODE_PAGE = "/account/security/totp"
FOREIGN = ["https://evil.example/", "//evil.example", "/\\evil.example", "/%09/evil.example", "\\\\evil.example"]
FOREIGN += ["javascript:alert(1)", "evil.example"]


pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.parametrize(
    ("risky", "source"),
    [(("GET", "/account/data"), "/account/security"), (("POST", "/account/sessions/end-others"), "/account/sessions")],
)
def test_the_password_leads_back_to_the_page_and_opens_it(
    app: Flask, user: FlaskClient, clock: time_machine.Traveller, risky: tuple[str, str], source: str
) -> None:
    """V08: a wrong one does not, and does not lose the way; nothing was done meanwhile."""
    other = people.sign_in(app.test_client())
    clock.shift(FRESH)
    asked = visit(user, *risky, Referer=f"http://localhost{source}")
    refused = confirm(user, asked.location, "wrong")
    assert (refused.status_code, "not your password" in steps.alert(refused)) == (422, True)
    assert steps.attribute(steps.field(refused, "next"), "value") == source
    assert visit(user, *risky).location == "/account/confirm?next=" + (source if risky[0] == "GET" else "/account")
    assert other.me().status_code == 200
    reply = confirm(user, asked.location)
    assert (reply.status_code, reply.location) == (303, source)
    assert visit(user, *risky).status_code == RISKY_PAGES[risky]


def test_the_right_password_makes_this_session_fresh_for_fifteen_minutes_and_a_wrong_one_does_not(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """V08, ASVS 7.5.1: and no other session of the user."""
    other = people.sign_in(app.test_client())
    clock.shift(HOUR)
    for password in ("wrong", people.PASSWORD.lower(), people.PASSWORD + " "):
        reply = reauthenticate(signed_in, password)
        assert (reply.status_code, reply.get_json()["errors"]) == WRONG
    assert not is_fresh(signed_in)
    assert reauthenticate(signed_in).status_code == 204
    assert (is_fresh(signed_in), is_fresh(other)) == (True, False)
    clock.shift(FRESH - 1)
    assert is_fresh(signed_in)
    clock.shift(1)
    assert not is_fresh(signed_in)


def test_a_password_that_is_changed_while_it_is_compared_proves_nothing(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V05: the old one opens nothing any more by the time the comparison is done."""
    clock.shift(HOUR)
    compare = passwords.verify_password

    def change_meanwhile(stored: str | None, given: str) -> bool:
        monkeypatch.setattr(passwords, "verify_password", compare)
        with app.app_context():
            db.session.execute(update(User).values(password_hash=passwords.hash_password("seven quiet hedges")))
            db.session.commit()
        return compare(stored, given)

    monkeypatch.setattr(passwords, "verify_password", change_meanwhile)
    reply = reauthenticate(signed_in)
    assert (reply.status_code, reply.get_json()["errors"]) == WRONG
    assert not is_fresh(signed_in)


@pytest.mark.parametrize(
    ("next_", "target"), [(CODE_PAGE, CODE_PAGE), *((unquote(target), "/account") for target in FOREIGN)]
)
def test_a_session_that_ends_while_the_password_is_asked_for_leads_on_after_a_sign_in(
    app: Flask, user: FlaskClient, clock: time_machine.Traveller, next_: str, target: str
) -> None:
    """V08: which proves as much as the password does; it is not asked for again. To no other site."""
    clock.shift(FRESH)
    csrf = csrf_token(user.get("/account/confirm"))
    run(app, "sessions", "revoke", "--all")
    ended = user.post("/account/confirm", data={"csrf_token": csrf, "next": next_, "password": people.PASSWORD})
    page = user.get(ended.location)
    kept = steps.attribute(steps.field(page, "next"), "value")
    assert kept.startswith("/account/confirm")
    assert "evil" not in unquote(kept)
    assert sign_in_by_form(user, next=kept).location == kept
    led_on = user.get(kept)
    assert (led_on.status_code, led_on.location) == (303, target)


@pytest.mark.parametrize("path", ["/account/confirm", "/login"])
def test_a_form_that_has_expired_keeps_where_it_was_to_lead(user: FlaskClient, path: str) -> None:
    """V08: unless that is another site."""
    if path == "/login":
        submit(user, "/logout", form="/account")
    for next_, kept in (
        ("/admin/users?q=a&state=locked", "?next=/admin/users%3Fq%3Da%26state%3Dlocked"),
        ("//e.example", ""),
    ):
        expired = user.post(path, data={"csrf_token": "too old", "next": next_})
        assert expired.status_code == 400
        assert f'href="{path}{kept}">Open the page again</a>' in expired.text


def test_the_way_back_never_leads_to_another_site(user: FlaskClient, clock: time_machine.Traveller) -> None:
    """V08, RFC 9700 §4.11: neither by the page's address, nor by its form, nor by a referrer."""
    for target in FOREIGN:
        clock.shift(FRESH)
        opened = confirm(user, f"/account/confirm?next={target}")
        led_on = user.get(f"/account/confirm?next={target}")
        clock.shift(FRESH)
        sent = confirm(user, "/account/confirm", next=unquote(target))
        assert [(reply.status_code, reply.location) for reply in (opened, led_on, sent)] == [(303, "/account")] * 3
    clock.shift(FRESH)
    for referrer in ("https://evil.example//evil.example", "https://evil.example", "nonsense"):
        reply = visit(user, "POST", "/account/sessions/end-others", Referer=referrer)
        assert reply.location == "/account/confirm?next=/account"


def test_wrong_passwords_of_a_session_are_one_count_apart_from_other_sessions_and_the_sign_in_page(
    make_app: Callable[..., Flask], clock: time_machine.Traveller
) -> None:
    """A10, A13: ten in five minutes over all that ask. A thief of a session does not keep its owner out or from what is
    risky, nor do strangers who fail to sign in keep the owner from the password."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    thief, elsewhere = (people.sign_in(app.test_client()) for _ in range(2))
    wrong = {"password": "wrong"}
    doors: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/me/reauthenticate", wrong),
        ("POST", "/api/me/password", {"current_password": "wrong", "new_password": "seven quiet hedges"}),
        ("POST", "/api/me/email", {"email": "thief@example.com", **wrong}),
        ("DELETE", "/api/me/totp", wrong),
        ("DELETE", "/api/me", wrong),
    ]

    def knock() -> list[int]:
        return [
            thief.http.open(path, method=method, json=body, headers=thief.bearer).status_code
            for method, path, body in doors
        ]

    assert [knock(), knock(), knock()] == [[422] * 5, [422] * 5, [429] * 5]
    assert reauthenticate(elsewhere).status_code == 204
    clock.shift(MINUTE)
    refused = reauthenticate(thief)
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_attempts")
    assert refused.headers["Retry-After"] == "240"
    owner = people.sign_in(app.test_client())
    clock.shift(4 * MINUTE)
    body = {"email": people.EMAIL, "password": "wrong"}
    assert [app.test_client().post("/api/login", json=body).status_code for _ in range(11)] == [401] * 10 + [429]
    assert reauthenticate(owner).status_code == 204


def test_a_wrong_password_that_comes_before_another_is_counted_waits_for_that(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A11: nine have failed; of two that come at once only one is the tenth."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    thief = people.sign_in(app.test_client())
    assert [reauthenticate(thief, "wrong").status_code for _ in range(9)] == [422] * 9
    accomplice = replace(thief, http=app.test_client())
    guesses: list[Future[TestResponse]] = []
    with ThreadPoolExecutor(1) as beside:

        def guess_as_well() -> None:
            guesses.append(beside.submit(reauthenticate, accomplice, "wrong"))
            wait(guesses, timeout=0.5)  # in vain: it is answered after the other one

        do_before(monkeypatch, audit, "record", guess_as_well)
        assert reauthenticate(thief, "wrong").status_code == 422
        assert [guess.result().status_code for guess in guesses] == [429]
