"""The second factor: setting it up, being asked for it at every door, recovery codes, taking it away."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.steps import (
    HOUR,
    START,
    alert,
    csrf_token,
    current_sid,
    events,
    is_signed_in,
    refresh,
    sign_in_by_form,
    submit,
)
from webapp.clock import utc_now
from webapp.database import Base, db
from webapp.models import AuthSession, OneTimeToken, RecoveryCode, User

STEP, MINUTE = 30, 60


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    return make_app(mail_url=f"file://{tmp_path}/mail")


class Phone:
    """An authenticator app that was set up, and the recovery codes that came with it."""

    def __init__(self, secret: str, codes: list[str]) -> None:
        self.secret, self.codes = secret, codes

    def code(self, steps: int = 0) -> str:
        """The code of the present time step, or of another one so many later."""
        return pyotp.TOTP(self.secret).at(int(utc_now().timestamp()) + steps * STEP)


def set_up(session: people.SignedIn) -> Phone:
    secret = session.http.post("/api/me/totp", headers=session.bearer).json["secret"]
    code = pyotp.TOTP(secret).at(int(utc_now().timestamp()))
    reply = session.http.post("/api/me/totp/confirm", json={"code": code}, headers=session.bearer)
    assert reply.status_code == 200, reply.text
    return Phone(secret, reply.json["recovery_codes"])


@pytest.fixture
def session(app: Flask, user_id: int) -> people.SignedIn:
    return people.sign_in(app.test_client())


@pytest.fixture
def phone(session: people.SignedIn, clock: time_machine.Traveller) -> Phone:
    """John Doe's second factor, set up a minute ago."""
    phone = set_up(session)
    clock.shift(MINUTE)
    return phone


def login(app: Flask, code: str | None = None, **more: str) -> TestResponse:
    body = {"email": people.EMAIL, "password": people.PASSWORD, **more, **({"code": code} if code is not None else {})}
    return app.test_client().post("/api/login", json=body)


def outcome(reply: TestResponse) -> tuple[int, str]:
    return reply.status_code, (reply.json or {}).get("code", "")


# --- setting up --------------------------------------------------------------------------------------------


def test_a_second_factor_counts_when_its_first_code_has_been_shown(app: Flask, session: people.SignedIn) -> None:
    """P12."""
    reply = session.http.post("/api/me/totp", headers=session.bearer)
    assert set(reply.json) == {"secret", "otpauth_uri"}
    parsed = pyotp.parse_uri(reply.json["otpauth_uri"])
    assert (parsed.secret, parsed.issuer, parsed.name) == (reply.json["secret"], "Evergreen", people.EMAIL)
    assert login(app).status_code == 200
    wrong = session.http.post("/api/me/totp/confirm", json={"code": "000000"}, headers=session.bearer)
    assert (wrong.status_code, list(wrong.json["errors"])) == (422, ["code"])
    assert login(app).status_code == 200
    set_up(session)
    assert outcome(login(app)) == (401, "mfa_required")


def test_the_code_that_sets_it_up_is_spent(app: Flask, session: people.SignedIn) -> None:
    """P10."""
    phone = set_up(session)
    assert outcome(login(app, phone.code())) == (401, "invalid_code")
    assert login(app, phone.code(1)).status_code == 200


def test_setting_it_up_ends_the_sessions_that_have_shown_a_password_only(app: Flask, session: people.SignedIn) -> None:
    """P14."""
    older = people.sign_in(app.test_client())
    set_up(session)
    assert (session.me().status_code, older.me().status_code) == (200, 401)
    assert refresh(older.http, older.refresh or "").status_code == 401
    with app.app_context():
        assert set(db.session.scalars(select(AuthSession.revoked_reason))) == {None, "second_factor_added"}


def test_the_seed_is_sealed_in_the_database(app: Flask, session: people.SignedIn, phone: Phone) -> None:
    """P12, P13: neither as text nor as bytes; nor are the recovery codes."""
    with app.app_context():
        dump = str([row for table in Base.metadata.sorted_tables for row in db.session.execute(select(table))])
        assert db.session.scalars(select(RecoveryCode.code_hash)).first().startswith("$argon2id$")  # type: ignore[union-attr]
    raw = pyotp.TOTP(phone.secret).byte_secret()
    for secret in (
        phone.secret,
        raw.hex(),
        repr(raw)[2:-1],
        *phone.codes,
        *(code.replace("-", "") for code in phone.codes),
    ):
        assert secret not in dump


def test_once_confirmed_the_seed_is_shown_no_more_and_not_replaced(session: people.SignedIn, phone: Phone) -> None:
    """P12."""
    assert outcome(session.http.post("/api/me/totp", headers=session.bearer)) == (409, "second_factor_state")
    reply = session.http.post("/api/me/totp/confirm", json={"code": phone.code()}, headers=session.bearer)
    assert outcome(reply) == (409, "second_factor_state")
    assert phone.secret not in session.http.get("/api/me/data", headers=session.bearer).text


def test_a_stolen_access_token_neither_sets_one_up_nor_takes_one_away(
    session: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """P12."""
    clock.shift(15 * MINUTE)
    reply = session.http.post("/api/me/totp", headers=session.bearer)
    assert outcome(reply) == (403, "reauthentication_required")
    session.http.post("/api/me/reauthenticate", json={"password": people.PASSWORD}, headers=session.bearer)
    set_up(session)
    for body in ({"password": "wrong"}, {}, {"password": ""}):
        assert session.http.delete("/api/me/totp", json=body, headers=session.bearer).status_code == 422
    assert outcome(login(session.http.application)) == (401, "mfa_required")


def test_the_password_takes_it_away_with_its_codes(app: Flask, session: people.SignedIn, phone: Phone) -> None:
    body = {"password": people.PASSWORD}
    assert session.http.delete("/api/me/totp", json=body, headers=session.bearer).status_code == 204
    assert login(app).status_code == 200
    with app.app_context():
        assert db.session.scalars(select(RecoveryCode)).all() == []
        assert db.session.scalars(select(User.totp_seed)).one() is None
    assert outcome(session.http.delete("/api/me/totp", json=body, headers=session.bearer)) == (
        409,
        "second_factor_state",
    )


def test_the_owner_is_told_of_each_change(app: Flask, session: people.SignedIn, tmp_path: Path) -> None:
    """ASVS 6.3.7."""
    mailbox = Mailbox(app, tmp_path / "mail")
    phone = set_up(session)
    assert mailbox.to(people.EMAIL) == ["Two-step sign-in is on"]
    login(app, phone.codes[0])
    assert mailbox.to(people.EMAIL) == ["A recovery code was used"]
    session.http.delete("/api/me/totp", json={"password": people.PASSWORD}, headers=session.bearer)
    assert mailbox.to(people.EMAIL) == ["Two-step sign-in is off"]


# --- codes -------------------------------------------------------------------------------------------------


def test_a_code_is_taken_once(app: Flask, phone: Phone) -> None:
    """P10."""
    code = phone.code()
    assert login(app, code).status_code == 200
    assert outcome(login(app, code)) == (401, "invalid_code")


@pytest.mark.parametrize(("steps", "expected"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
def test_a_code_of_the_step_before_or_after_is_taken_too(app: Flask, phone: Phone, clock, steps, expected) -> None:  # type: ignore[no-untyped-def]
    """P10: clocks differ."""
    clock.shift(5 * MINUTE)
    assert login(app, phone.code(steps)).status_code == expected


def test_an_older_code_is_refused_after_a_newer_one(app: Flask, phone: Phone, clock: time_machine.Traveller) -> None:
    """P10: the counter never goes back."""
    clock.shift(5 * MINUTE)
    older, newer = phone.code(-1), phone.code(1)
    assert login(app, newer).status_code == 200
    assert outcome(login(app, older)) == (401, "invalid_code")


@pytest.mark.parametrize("spelling", ["{0}{1}", "{0} {1}", " {0}{1} ", "{0}\u2009{1}"])
def test_a_code_may_be_typed_with_spaces(app: Flask, phone: Phone, spelling: str) -> None:
    code = phone.code()
    assert login(app, spelling.format(code[:3], code[3:])).status_code == 200


@pytest.mark.parametrize(
    "code", ["", "0", "12345", "1234567", "\u0661\u0662\u0663\u0664\u0665\u0666", "x" * 64, "-" * 19]
)
def test_what_is_no_code_is_refused(app: Flask, phone: Phone, code: str) -> None:
    assert login(app, code).status_code == 401


def test_each_recovery_code_signs_in_once(app: Flask, phone: Phone) -> None:
    """P13: ten codes of 80 bits, in whatever case and grouping."""
    assert len(set(phone.codes)) == 10
    assert all(re.fullmatch(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}", code) for code in phone.codes)
    spellings = (str, str.lower, lambda code: code.replace("-", ""), lambda code: code.replace("-", " "))
    for code, spelled in zip(phone.codes[:4], spellings, strict=True):
        assert login(app, spelled(code)).status_code == 200
        assert outcome(login(app, code)) == (401, "invalid_code")
    assert len(events(app, "recovery_code_used")) == 4


def test_new_recovery_codes_replace_the_old_ones(app: Flask, session: people.SignedIn, phone: Phone) -> None:
    """P13."""
    new = session.http.post("/api/me/recovery-codes", headers=session.bearer).json["recovery_codes"]
    assert not set(new) & set(phone.codes)
    assert outcome(login(app, phone.codes[0])) == (401, "invalid_code")
    assert login(app, new[0]).status_code == 200


def test_another_users_code_is_nobodys(app: Flask, phone: Phone, clock: time_machine.Traveller) -> None:
    people.create_user(app, "other@test.com")
    other = set_up(people.sign_in(app.test_client(), email="other@test.com"))
    for code in (other.code(1), other.codes[0]):
        assert outcome(login(app, code)) == (401, "invalid_code")


# --- limits ------------------------------------------------------------------------------------------------


def test_wrong_codes_are_counted_per_user_over_sessions_addresses_and_doors(
    make_app: Callable[..., Flask], clock: time_machine.Traveller
) -> None:
    """P11: five in five minutes, twenty in an hour; the right code waits too; being asked for one is no failure."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    phone = set_up(people.sign_in(app.test_client()))
    clock.shift(MINUTE)
    addresses = iter(f"192.0.2.{number}" for number in range(1, 250))

    def attempt(code: str | None) -> TestResponse:
        body = {"email": people.EMAIL, "password": people.PASSWORD, **({"code": code} if code else {})}
        return app.test_client().post("/api/login", json=body, environ_base={"REMOTE_ADDR": next(addresses)})

    assert [attempt(None).status_code for _ in range(20)] == [401] * 20
    for _ in range(4):
        assert [attempt("000000").status_code for _ in range(5)] == [401] * 5
        refused = attempt(phone.code())
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "300")
        clock.shift(5 * MINUTE)
    assert attempt(phone.code()).status_code == 429
    clock.shift(HOUR)
    assert attempt(phone.code()).status_code == 200


def test_asking_for_a_code_fills_no_limit_of_the_address(make_app: Callable[..., Flask]) -> None:
    """P11: who has a second factor is asked for it at every sign-in."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    set_up(people.sign_in(app.test_client()))
    assert {outcome(login(app)) for _ in range(15)} == {(401, "mfa_required")}


# --- doors -------------------------------------------------------------------------------------------------


def waiting(app: Flask) -> FlaskClient:
    """A browser that has shown the password and is asked for the code."""
    http = app.test_client()
    reply = sign_in_by_form(http, next="/account/sessions")
    assert reply.headers["Location"] == "/login/code"
    assert not is_signed_in(http)
    return http


def test_the_form_asks_for_the_code_on_a_page_of_its_own(app: Flask, phone: Phone) -> None:
    """P14."""
    http = waiting(app)
    page = http.get("/login/code")
    assert 'autocomplete="one-time-code"' in page.text
    wrong = submit(http, "/login/code", {"code": "000000"})
    assert (wrong.status_code, "not right" in alert(wrong)) == (422, True)
    reply = submit(http, "/login/code", {"code": phone.code()})
    assert (reply.status_code, reply.headers["Location"]) == (303, "/account/sessions")
    assert is_signed_in(http)


def test_a_sign_in_that_waits_opens_nothing_else(app: Flask, phone: Phone) -> None:
    """P11: as a token of the API, as a cookie of a page."""
    http = waiting(app)
    with http.session_transaction() as form_session:
        token = form_session["pending_sign_in"]["token"]
    assert http.get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    for how in ("cookie", "bearer", "body"):
        assert refresh(app.test_client(), token, how).status_code == 401
    for route in ("/api/password/reset", "/api/email/verify"):
        body = {"token": token, **({"password": "seven quiet hedges"} if "reset" in route else {})}
        assert outcome(app.test_client().post(route, json=body)) == (400, "invalid_link")


@pytest.mark.parametrize(("age", "is_in"), [(5 * MINUTE - 1, True), (5 * MINUTE, False)])
def test_a_sign_in_waits_five_minutes(
    app: Flask, phone: Phone, clock: time_machine.Traveller, age: int, is_in: bool
) -> None:
    """P11."""
    http = waiting(app)
    token = csrf_token(http.get("/login/code"))
    clock.shift(age)
    reply = http.post("/login/code", data={"csrf_token": token, "code": phone.code()})
    assert (reply.status_code, is_signed_in(http)) == (303, is_in)
    assert reply.headers["Location"] == ("/account/sessions" if is_in else "/login")


def test_a_sign_in_that_waited_is_used_up(app: Flask, phone: Phone, clock: time_machine.Traveller) -> None:
    """P11: by success, and by a new password."""
    http, late = waiting(app), waiting(app)
    with http.session_transaction() as form_session:
        kept = dict(form_session)
    assert submit(http, "/login/code", {"code": phone.code()}).status_code == 303
    clock.shift(MINUTE)
    again = app.test_client()
    with again.session_transaction() as form_session:
        form_session.update(kept)
    assert submit(again, "/login/code", {"code": phone.code()}).headers["Location"] == "/login"
    sid = current_sid(http)
    change = {"current_password": people.PASSWORD, "new_password": "seven quiet hedges"}
    assert submit(http, "/account/security/password", change, form="/account/security").status_code == 303
    assert submit(late, "/login/code", {"code": phone.code()}).headers["Location"] == "/login"
    assert current_sid(http) == sid


def test_too_many_wrong_codes_end_the_sign_in_that_waits(make_app: Callable[..., Flask]) -> None:
    """P11."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    set_up(people.sign_in(app.test_client()))
    http = waiting(app)
    statuses = [submit(http, "/login/code", {"code": "000000"}).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    with app.app_context():
        assert None not in db.session.scalars(select(OneTimeToken.used_at)).all()


def test_strangers_who_fill_the_limit_of_an_address_do_not_keep_the_code_out(make_app: Callable[..., Flask]) -> None:
    """A13: who is asked for a code has shown the password; codes are counted per user."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    phone = set_up(people.sign_in(app.test_client()))
    http = waiting(app)
    for number in range(11):
        body = {"email": f"nobody{number}@test.com", "password": "wrong"}
        status = app.test_client().post("/api/login", json=body).status_code
    assert status == 429
    with time_machine.travel(START + timedelta(minutes=1), tick=False):
        assert submit(http, "/login/code", {"code": phone.code()}).status_code == 303
        assert is_signed_in(http)


def test_a_reset_password_still_needs_the_code(app: Flask, phone: Phone, tmp_path: Path) -> None:
    """P06, P14."""
    app.test_client().post("/api/password/forgot", json={"email": people.EMAIL})
    token = Mailbox(app, tmp_path / "mail").token("reset")
    body = {"token": token, "password": "seven quiet hedges"}
    assert app.test_client().post("/api/password/reset", json=body).status_code == 204
    assert outcome(login(app, password="seven quiet hedges")) == (401, "mfa_required")
    assert login(app, phone.code(), password="seven quiet hedges").status_code == 200


def test_a_wrong_password_is_the_same_refusal_with_and_without_a_second_factor(app: Flask, phone: Phone) -> None:
    """A01."""
    replies = [
        login(app, code, password="wrong", **who) for code in (None, phone.code()) for who in ({}, {"email": "x@y.z"})
    ]
    assert {outcome(reply) for reply in replies} == {(401, "invalid_credentials")}


def test_the_pages_set_it_up_show_the_codes_once_and_take_it_away(app: Flask, user_id: int) -> None:
    """P12, P13."""
    http = app.test_client()
    sign_in_by_form(http)
    assert submit(http, "/account/security/totp/begin", form="/account/security").status_code == 303
    page = http.get("/account/security/totp")
    assert page.headers["Cache-Control"] == "no-store"
    assert "data:image/svg+xml" in page.text
    secret = "".join(re.findall(r"<code data-copy-source>([A-Z2-7 ]+)</code>", page.text)[0].split())
    code = pyotp.TOTP(secret).at(int(utc_now().timestamp()))
    assert submit(http, "/account/security/totp", {"code": "000000"}).status_code == 422
    shown = submit(http, "/account/security/totp", {"code": code})
    codes = re.findall(r"(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", shown.text)
    assert len(codes) == 10
    assert http.get("/account/security/totp").status_code == 409
    assert not any(code in http.get("/account/security").text for code in codes)
    renewed = submit(http, "/account/security/recovery-codes", form="/account/security")
    assert len(re.findall(r"(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", renewed.text)) == 10
    assert submit(http, "/account/security/totp/remove", {"password": "wrong"}).status_code == 422
    assert submit(http, "/account/security/totp/remove", {"password": people.PASSWORD}).status_code == 303
    assert login(app).status_code == 200
