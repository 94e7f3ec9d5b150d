"""What may be a password (A06 to A09), changing it (A10, V05), and leaving."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.steps import alert, csrf_token, events, is_signed_in, sign_in_by_form, submit
from webapp import passwords
from webapp.database import Base, db
from webapp.errors import InvalidFields
from webapp.models import AuthSession, OneTimeToken, User

GOOD = "seven quiet hedges"
COMMON = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= 8]


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def mailbox(make_app: Callable[..., Flask], tmp_path: Path) -> Mailbox:
    return Mailbox(make_app(mail_url=f"file://{tmp_path}/mail"), tmp_path / "mail")


def reason(password: str, *own: str) -> str:
    """Return why a password is refused, or an empty string if it is not."""
    try:
        passwords.check_policy(password, minimum=8, own_words=own)
    except InvalidFields as error:
        return " ".join(error.errors["password"])
    return ""


# --- what may be one ---------------------------------------------------------------------------------------


def test_the_most_common_passwords_are_refused_with_a_reason() -> None:
    """A09: a sample of the whole list, and every one of its first 500."""
    assert len(COMMON) > 3000
    for word in (*COMMON[:500], *COMMON[500::60]):
        assert reason(word), word


@pytest.mark.parametrize(
    "password",
    ["aaaaaaaaaaaaaaa", "abcdefghijklmno", "qwertzuiop", "1234567890123", "hunter2hunter2", "19801980", "Passw0rd!"],
)
def test_repeats_sequences_and_disguises_are_refused(password: str) -> None:
    """A09."""
    assert reason(password)


@pytest.mark.parametrize(
    "password", ["zoe.quill", "zoequill", "Zoe.Quill@example.com", "quillzoe", "evergreen1", "Quill1980"]
)
def test_names_address_and_the_sites_name_are_refused_with_that_reason(password: str) -> None:
    """A09."""
    assert "easy to guess from your name" in reason(password, "zoe.quill@example.com", "Zoe", "Quill")


@pytest.mark.parametrize(
    "password",
    ["brackenfels", "Brackenfels7", "wu.lindqvist-zorn", "lindqvist1", "LINDQVIST", "lindqvistbrezhneva",
     "lindqvist-brezhneva", "lindqvist_brezhneva", "lindqvist brezhneva", "brezhneva.lindqvist"],
)  # fmt: skip
def test_every_part_of_names_and_address_is_guessed_and_two_names_as_one(password: str) -> None:
    """A09: which would be taken if they were nobody's names."""
    own = ("wu.lindqvist-zorn@brackenfels.example", "Lindqvist", "Brezhneva")
    assert reason(password, *own) == "This is easy to guess from your name, your address or the name of this site."
    assert reason(password) == ""


def test_a_name_of_three_letters_is_guessed_and_initials_are_not() -> None:
    assert "your name" in passwords.rate("zvq", own_words=("Zvq",)).reason
    assert "your name" not in passwords.rate("zv", own_words=("Zv",)).reason
    assert "your name" not in passwords.rate("brackenfels", own_words=("x@y.brackenfels",)).reason


@pytest.mark.parametrize(
    ("password", "score", "expected"),
    [("marzipan12", 2, ""), ("example1", 1, "This is easy to guess. Add another word or two."),
     ("aaaaaaaa", 0, 'Repeats like "aaa" are easy to guess. Add another word or two.')],
)  # fmt: skip
def test_the_score_from_which_one_is_taken(password: str, score: int, expected: str) -> None:
    """A09: two of four, to the point."""
    assert passwords.rate(password) == (score, expected)
    assert reason(password) == expected


@pytest.mark.parametrize(
    "password",
    ["kqzjvxwpfmbtgha", GOOD, "correct horse battery staple", "日本語のパスワード森", "🌲🌳🌴🌵🎋🎄🍀🌿",
     "        x y z      ", "x" * 20 + "quiet hedges", "q" * 3 + "wolf under lamp" * 60],
)  # fmt: skip
def test_no_kind_of_character_is_asked_for_and_none_is_refused(password: str) -> None:
    """A08, A07."""
    assert reason(password) == ""


@pytest.mark.parametrize(
    ("length", "expected"),
    [(7, "at least 8"), (8, ""), (64, ""), (1024, ""), (1025, "at most 1024"), (8192, "at most")],
)
def test_length_is_counted_in_characters(length: int, expected: str) -> None:
    """A06."""
    password = ("vqzkwjxm" * 1100)[: length - 2] + "é🌲"
    assert expected in reason(password)
    assert bool(reason(password)) == bool(expected)


def test_a_password_that_is_too_long_is_never_hashed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A06."""
    monkeypatch.setattr(passwords, "hash_password", lambda _: pytest.fail("hashed"))
    body = {"email": "a@b.example", "password": "vqzkwjxm" * 140}
    assert app.test_client().post("/api/register", json=body).status_code == 422


def test_the_meter_says_what_the_form_will_say(app: Flask, user_id: int) -> None:
    """A09: and knows the names of who is signed in."""
    http = app.test_client()
    token = csrf_token(http.get("/register"))

    def ask(password: str, *own: str) -> tuple[int, str]:
        data = {"csrf_token": token, "password": password, "own": list(own)}
        answer = http.post("/password-strength", data=data).json
        return answer["score"], answer["reason"]

    assert ask("") == (0, "")
    assert ask(GOOD) == (4, "")
    assert ask("password1") == (0, reason("password1"))
    assert ask("zoe.quill", "Zoe", "Quill")[0] < 2
    sign_in_by_form(http)
    token = csrf_token(http.get("/account"))
    assert "your name" in ask("johndoe1")[1]


# --- changing it -------------------------------------------------------------------------------------------


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


# --- leaving -----------------------------------------------------------------------------------------------


def rows_of(app: Flask) -> dict[str, int]:
    with app.app_context():
        return {model.__tablename__: db.session.scalar(select(func.count()).select_from(model)) or 0
                for model in (User, AuthSession, OneTimeToken)}  # fmt: skip


def leave(session: people.SignedIn, password: str = people.PASSWORD) -> tuple[int, str]:
    reply = session.http.delete("/api/me", json={"password": password}, headers=session.bearer)
    return reply.status_code, (reply.json or {}).get("code", "")


def test_whoever_leaves_is_gone_with_everything_but_the_log(mailbox: Mailbox) -> None:
    """V06, T20: waiting mails to them too; the address is free for a new account that old tokens do not open."""
    app = mailbox.app
    people.create_user(app)
    session = people.sign_in(app.test_client())
    app.test_client().post("/api/password/forgot", json={"email": people.EMAIL})
    mailbox.deliver()
    app.test_client().post("/api/password/forgot", json={"email": people.EMAIL})
    assert leave(session, "wrong") == (422, "invalid_fields")
    assert leave(session) == (204, "")
    assert rows_of(app) == {"users": 0, "auth_sessions": 0, "one_time_tokens": 0}
    assert session.me().status_code == 401
    assert mailbox.to(people.EMAIL) == ["Your account is deleted"]
    assert [event.kind for event in events(app, "account_deleted")] == ["account_deleted"]
    people.create_user(app)
    assert session.me().status_code == 401


def test_the_last_administrator_stays(app: Flask) -> None:
    """Z05."""
    for name in ("first", "second"):
        people.create_user(app, f"{name}@test.com", is_admin=True)
    first, second = (people.sign_in(app.test_client(), email=f"{name}@test.com") for name in ("first", "second"))
    assert leave(first) == (204, "")
    assert leave(second) == (409, "last_administrator")
    assert second.me().status_code == 200


def test_the_page_deletes_the_account_and_takes_the_cookie(app: Flask, user_id: int) -> None:
    http = app.test_client()
    sign_in_by_form(http)
    assert submit(http, "/account/delete", {"password": "wrong"}).status_code == 422
    reply = submit(http, "/account/delete", {"password": people.PASSWORD})
    assert (reply.headers["Location"], http.get_cookie("refresh_token")) == ("/", None)
    assert "Your account is deleted." in http.get("/").text


def test_ones_data_is_all_there_and_holds_no_secret(app: Flask, user_id: int) -> None:
    """Z04, GDPR 15 and 20: and nobody else's rows."""
    people.create_user(app, "other@test.com", first_name="Mallory")
    people.sign_in(app.test_client(), email="other@test.com")
    session = people.sign_in(app.test_client())
    data = session.http.get("/api/me/data", headers=session.bearer).json
    assert data["profile"]["email"] == people.EMAIL
    assert [row["device"] for row in data["sessions"]] == ["Unknown browser on Unknown system"]
    assert {event["kind"] for event in data["events"]} == {"user_created", "sign_in"}
    with app.app_context():
        stored = db.session.get_one(User, user_id).password_hash
    for secret in (stored, "argon2", session.access, session.refresh, "Mallory", "totp_seed"):
        assert str(secret) not in str(data)


def test_the_page_gives_ones_data_as_a_file(app: Flask, user_id: int) -> None:
    http = app.test_client()
    sign_in_by_form(http)
    reply = http.get("/account/data")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="evergreen-2026-07-01.json"'
    assert (reply.headers["Cache-Control"], reply.json["profile"]["id"]) == ("no-store", user_id)


def test_every_table_that_names_a_user_is_emptied_or_kept_on_purpose() -> None:
    """A new table with a user_id has to say what becomes of its rows."""
    kept = {"audit_events", "outbox_mails"}
    for table in Base.metadata.sorted_tables:
        if "user_id" in table.columns and table.name not in kept:
            assert [key.ondelete for key in table.columns["user_id"].foreign_keys] == ["CASCADE"], table.name
