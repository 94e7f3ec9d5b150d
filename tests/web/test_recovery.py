"""Getting an account back: the forgotten password, the changed address, the sign-in that was somebody else's."""

from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support import people
from tests.support.mailbox import Mailbox, text
from tests.support.steps import HOUR, alert, csrf_token, is_signed_in, sign_in_by_form, submit
from webapp.database import db
from webapp.models import AuthSession, User

NEW_PASSWORD = "seven quiet hedges"
OTHER = "moved@example.com"
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    return make_app(mail_url=f"file://{tmp_path}/mail")


@pytest.fixture
def mailbox(app: Flask, user_id: int, tmp_path: Path) -> Mailbox:
    return Mailbox(app, tmp_path / "mail")


def forgot(app: Flask, email: str = people.EMAIL, **headers: str) -> int:
    return app.test_client().post("/api/password/forgot", json={"email": email}, headers=headers).status_code


def reset(app: Flask, token: str, password: str = NEW_PASSWORD) -> tuple[int, str]:
    reply = app.test_client().post("/api/password/reset", json={"token": token, "password": password})
    return reply.status_code, (reply.json or {}).get("code", "")


def login(app: Flask, password: str, email: str = people.EMAIL) -> int:
    return app.test_client().post("/api/login", json={"email": email, "password": password}).status_code


def ended_because(app: Flask) -> set[str | None]:
    with app.app_context():
        return set(db.session.scalars(select(AuthSession.revoked_reason)))


# --- the forgotten password --------------------------------------------------------------------------------


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


# --- the changed address ---------------------------------------------------------------------------------


def ask_to_move(session: people.SignedIn, email: str = OTHER, password: str = people.PASSWORD) -> tuple[int, object]:
    reply = session.http.post("/api/me/email", json={"email": email, "password": password}, headers=session.bearer)
    return reply.status_code, reply.json


def confirm(app: Flask, token: str) -> tuple[int, str]:
    reply = app.test_client().post("/api/email/verify", json={"token": token})
    return reply.status_code, (reply.json or {}).get("code", "")


def test_an_address_changes_when_the_new_one_is_confirmed_and_the_old_one_can_undo_it(
    app: Flask, mailbox: Mailbox, user_id: int
) -> None:
    """P08."""
    session = people.sign_in(app.test_client())
    assert ask_to_move(session)[0] == 202
    assert login(app, people.PASSWORD) == 200
    mails = {str(mail["To"]): mail for mail in mailbox.deliver() if "sign-in" not in mail["Subject"]}
    assert {to: str(mail["Subject"]) for to, mail in mails.items()} == {
        OTHER: "Confirm your new address",
        people.EMAIL: "Your address is about to change",
    }
    token = text(mails[OTHER]).split("/verify/")[1].split()[0]
    assert confirm(app, token) == (204, "")
    assert session.me().json["email"] == OTHER
    assert (login(app, people.PASSWORD), login(app, people.PASSWORD, OTHER)) == (401, 200)
    undo = f"/undo/{mailbox.token('undo', people.EMAIL)}"
    http = app.test_client()
    page = http.get(undo)
    assert session.me().json["email"] == OTHER
    reply = http.post(undo, data={"csrf_token": csrf_token(page)})
    assert reply.headers["Location"].startswith("/reset/")
    assert session.me().status_code == 401
    assert "email_change_undone" in ended_because(app)
    assert reset(app, reply.headers["Location"].removeprefix("/reset/")) == (204, "")
    assert login(app, NEW_PASSWORD) == 200
    assert http.get(undo).status_code == 400


def test_a_taken_address_is_answered_as_a_free_one_and_its_owner_is_told(app: Flask, mailbox: Mailbox) -> None:
    """A03, P08."""
    people.create_user(app, OTHER)
    session = people.sign_in(app.test_client())
    assert ask_to_move(session) == ask_to_move(session, "free@example.com")
    subjects = {(str(mail["To"]), str(mail["Subject"])) for mail in mailbox.deliver()}
    assert (OTHER, "Your address was named") in subjects
    assert (OTHER, "Confirm your new address") not in subjects


def test_an_address_that_was_taken_meanwhile_is_a_conflict(app: Flask, mailbox: Mailbox) -> None:
    """P08: looked at again when the link is used."""
    session = people.sign_in(app.test_client())
    ask_to_move(session)
    token = mailbox.token("verify", OTHER)
    people.create_user(app, OTHER.upper())
    assert confirm(app, token) == (409, "address_taken")
    assert session.me().json["email"] == people.EMAIL


def test_links_to_the_old_address_open_nothing_after_the_change(app: Flask, mailbox: Mailbox) -> None:
    """P02, P09."""
    session = people.sign_in(app.test_client())
    forgot(app)
    old_link = mailbox.token("reset")
    ask_to_move(session)
    confirm(app, mailbox.token("verify", OTHER))
    assert reset(app, old_link) == (400, "invalid_link")


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"password": "wrong"}, "password"), ({"email": people.EMAIL}, "email"), ({"email": "nonsense"}, "email")],
)
def test_a_change_that_cannot_be_is_refused_with_its_field(
    app: Flask, mailbox: Mailbox, fields: dict[str, str], field: str
) -> None:
    """P08: the password too."""
    status, answer = ask_to_move(people.sign_in(app.test_client()), **fields)
    assert isinstance(answer, dict)
    assert (status, list(answer["errors"])) == (422, [field])
    assert mailbox.deliver() == []


# --- somebody else's sign-in -----------------------------------------------------------------------------


def test_a_sign_in_that_was_not_me_is_ended_by_the_link_of_its_mail(app: Flask, mailbox: Mailbox) -> None:
    """ASVS 6.3.5: and nobody but that session is touched before the new password."""
    mine = people.sign_in(app.test_client())
    thief: FlaskClient = app.test_client()
    stolen = thief.post("/api/login", json={"email": people.EMAIL, "password": people.PASSWORD}, headers=FIREFOX).json
    (mail,) = mailbox.deliver()
    assert mail["Subject"] == "New sign-in to your account"
    assert "Firefox on Linux, address 127.0.0.1" in " ".join(text(mail).split())
    path = "/not-me/" + text(mail).split("/not-me/")[1].split()[0]
    http = app.test_client()
    page = http.get(path)
    theirs = people.SignedIn(thief, stolen["access_token"], None)
    assert theirs.me().status_code == 200
    reply = http.post(path, data={"csrf_token": csrf_token(page)})
    assert (theirs.me().status_code, mine.me().status_code) == (401, 200)
    assert reset(app, reply.headers["Location"].removeprefix("/reset/")) == (204, "")
    assert mine.me().status_code == 401
    assert http.get(path).status_code == 400


def test_the_form_asks_for_an_address_and_says_the_same_whatever_it_is(app: Flask, mailbox: Mailbox) -> None:
    """A03, P07."""
    places = []
    for email in (people.EMAIL, "nobody@test.com"):
        reply = submit(app.test_client(), "/forgot", {"email": email})
        places.append((reply.status_code, reply.headers["Location"]))
    assert places == [(303, "/check-your-mail?about=password")] * 2
    assert submit(app.test_client(), "/forgot", {"email": ""}).status_code == 422
