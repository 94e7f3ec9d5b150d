"""What people read about codes: where they are asked for, after one was used, on paper, and on the desk."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.second_factor import Phone, login, set_up
from tests.support.steps import alert, csrf_token, sign_in_by_form, submit

CODE, RECOVERY = "/login/code", "/login/code?recovery=1"
LATE = "That took too long, or was tried too often. Sign in again."

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def asked(app: Flask, phone: Phone) -> FlaskClient:
    """The browser of John Doe, who has shown the password and is asked for the code."""
    http = app.test_client()
    sign_in_by_form(http)
    return http


def test_a_double_click_on_the_code_is_in_and_hears_of_no_failure(asked: FlaskClient, phone: Phone) -> None:
    form = {"csrf_token": csrf_token(asked.get(CODE)), "code": phone.code()}
    with asked.session_transaction() as before:
        kept = dict(before)
    assert asked.post(CODE, data=form).location == "/account"
    with asked.session_transaction() as form_session:
        form_session.clear()
        form_session.update(kept)  # the second click was sent before the first was answered
    second = asked.post(CODE, data=form)
    assert (second.status_code, second.location) == (303, "/login?next=/account&reason=code_ended")
    shown = asked.get(second.location, follow_redirects=True)
    assert (shown.request.path, LATE in shown.text) == ("/account", False)


def test_who_was_too_late_with_the_code_is_told_so_where_they_sign_in(app: Flask, asked: FlaskClient) -> None:
    csrf = csrf_token(asked.get(CODE))
    with asked.session_transaction() as form_session:
        form_session["pending_sign_in"]["token"] = "no such token"
        form_session.modified = True
    late = asked.post(CODE, data={"csrf_token": csrf, "code": "000000"})
    assert LATE in asked.get(late.location).text
    assert LATE not in asked.get("/login").text
    assert "evil" not in asked.get("/login?reason=evil").text


@pytest.mark.parametrize(("path", "advice"), [(CODE, "Enter the newest one."), (RECOVERY, "Enter another one.")])
def test_after_a_wrong_code_there_is_another_one_to_enter(asked: FlaskClient, path: str, advice: str) -> None:
    wrong = submit(asked, path, {"code": "000000"})
    assert alert(wrong).endswith(f"The code is not right, or was used already. {advice}")


def test_each_way_to_give_a_code_leads_to_the_other_and_to_who_can_help(asked: FlaskClient) -> None:
    for path, other in ((CODE, RECOVERY), (RECOVERY, CODE)):
        page = asked.get(path).text
        assert f'href="{other}"' in page
        assert "Neither phone nor codes? Ask whoever runs this site to turn two-step sign-in off." in page


def test_who_has_used_a_recovery_code_is_told_how_many_are_left(app: Flask, asked: FlaskClient, phone: Phone) -> None:
    def told(code: str) -> list[str]:
        http = app.test_client()
        sign_in_by_form(http)
        assert submit(http, CODE, {"code": code}).location == "/account"
        return re.findall(r"You used a recovery code; [^<]*", http.get("/account").text)

    first, *others, last_but_two, last_but_one, last = phone.codes
    assert told(first) == ["You used a recovery code; you have 9 left."]
    assert told(phone.code()) == []
    for code in others[:-1]:
        assert login(app, code).status_code == 200
    assert told(others[-1]) == ["You used a recovery code; you have 3 left."]
    assert told(last_but_two) == ["You used a recovery code; you have 2 left. Make new ones under Security."]
    assert login(app, last_but_one).status_code == 200
    assert told(last) == ["You used a recovery code; you have none left. Make new ones under Security."]


def test_codes_on_paper_say_whose_they_are_and_of_when(app: Flask, phone: Phone) -> None:
    http = app.test_client()
    sign_in_by_form(http)
    submit(http, CODE, {"code": phone.code()})
    page = submit(http, "/account/security/recovery-codes", form="/account/security").text
    words = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert f"Evergreen, {people.EMAIL}, made on 1 July 2026" in words


def test_the_desk_calls_it_two_step_sign_in(app: Flask, desk: FlaskClient, signed_in: people.SignedIn) -> None:
    """In the names of events and in the reasons of what has ended."""
    people.sign_in(app.test_client())
    set_up(signed_in)
    pages = [desk.get(path).text for path in ("/admin/events", "/admin/sessions?state=ended", "/admin/users/1")]
    assert "Two-step sign-in enabled" in pages[0]
    assert "Two-step sign-in added" in pages[1]
    assert "Ended: two-step sign-in added" in pages[2]
    for page in pages:
        assert not re.search(r"totp (en|dis)abled|>[^<]*second factor", page, re.IGNORECASE)


def test_who_starts_again_is_led_on_to_where_they_were_going(app: Flask, phone: Phone) -> None:
    http, target = app.test_client(), "/account/sessions"
    form = {"email": people.EMAIL, "password": people.PASSWORD, "next": target}
    assert submit(http, f"/login?next={target}", form).location == CODE
    assert f'href="/login?next={target}">Start again' in http.get(CODE).text
