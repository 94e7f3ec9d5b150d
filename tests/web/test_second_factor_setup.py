"""Setting a second factor up, having new recovery codes made, and taking it all away: by the API and on the pages."""

import re

import pyotp
import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.recovery import NEW_PASSWORD
from tests.support.second_factor import Phone, login, outcome, set_up
from tests.support.settings import make_settings
from tests.support.steps import MINUTE, assert_refused, events, refresh, sign_in_by_form, submit
from webapp import recovery_codes
from webapp.clock import utc_now
from webapp.database import Base, db
from webapp.models import AuthSession, RecoveryCode, User
from webapp.sealing import seal

pytestmark = pytest.mark.usefixtures("clock")


def test_a_second_factor_counts_when_its_first_code_has_been_shown(app: Flask, signed_in: people.SignedIn) -> None:
    """P12."""
    reply = signed_in.http.post("/api/me/totp", headers=signed_in.bearer)
    assert set(reply.json) == {"secret", "otpauth_uri"}
    parsed = pyotp.parse_uri(reply.json["otpauth_uri"])
    assert (parsed.secret, parsed.issuer, parsed.name) == (reply.json["secret"], "Evergreen", people.EMAIL)
    assert login(app).status_code == 200
    wrong = signed_in.http.post("/api/me/totp/confirm", json={"code": "000000"}, headers=signed_in.bearer)
    assert (wrong.status_code, list(wrong.json["errors"])) == (422, ["code"])
    assert login(app).status_code == 200
    set_up(signed_in)
    assert outcome(login(app)) == (401, "mfa_required")


def test_the_code_that_sets_it_up_is_spent(app: Flask, signed_in: people.SignedIn) -> None:
    """P10."""
    phone = set_up(signed_in)
    assert outcome(login(app, phone.code())) == (401, "invalid_code")
    assert login(app, phone.code(1)).status_code == 200


def test_setting_it_up_ends_the_sessions_that_have_shown_a_password_only(
    app: Flask, signed_in: people.SignedIn
) -> None:
    """P14."""
    older = people.sign_in(app.test_client())
    set_up(signed_in)
    assert (signed_in.me().status_code, older.me().status_code) == (200, 401)
    assert refresh(older.http, older.refresh or "").status_code == 401
    with app.app_context():
        assert set(db.session.scalars(select(AuthSession.revoked_reason))) == {None, "second_factor_added"}


def test_the_seed_is_sealed_in_the_database(app: Flask, signed_in: people.SignedIn, phone: Phone) -> None:
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


@pytest.mark.parametrize("is_on", [True, False], ids=["on", "begun"])
def test_a_seed_that_no_key_opens_any_more_has_no_code_that_is_right(
    app: Flask, signed_in: people.SignedIn, caplog: pytest.LogCaptureFixture, is_on: bool
) -> None:
    """O03, P11: as after a key that others knew was replaced. Recovery codes let in; what was begun is begun anew; the
    log tells the operator."""
    phone = set_up(signed_in) if is_on else None
    stranger = make_settings(secret_key="another key of thirty-two bytes or more")
    with app.app_context():
        db.session.execute(update(User).values(totp_seed=seal(stranger, pyotp.random_base32())))
        db.session.commit()
    if phone:
        assert outcome(login(app, phone.code())) == (401, "invalid_code")
        assert len(events(app, "code_failed")) == 1
        assert login(app, phone.codes[0]).status_code == 200
    else:
        reply = signed_in.http.post("/api/me/totp/confirm", json={"code": "123456"}, headers=signed_in.bearer)
        assert outcome(reply) == (409, "second_factor_state")
        browser = app.test_client()
        sign_in_by_form(browser)
        assert browser.get("/account/security/totp").location == "/account/security"
    assert "SECRET_KEY does not open the seed of a second factor" in caplog.text


def test_once_confirmed_the_seed_is_shown_no_more_and_not_replaced(signed_in: people.SignedIn, phone: Phone) -> None:
    """P12."""
    assert outcome(signed_in.http.post("/api/me/totp", headers=signed_in.bearer)) == (409, "second_factor_state")
    reply = signed_in.http.post("/api/me/totp/confirm", json={"code": phone.code()}, headers=signed_in.bearer)
    assert outcome(reply) == (409, "second_factor_state")
    assert phone.secret not in signed_in.http.get("/api/me/data", headers=signed_in.bearer).text


def test_a_stolen_access_token_neither_sets_one_up_nor_takes_one_away(
    signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """P12."""
    clock.shift(15 * MINUTE)
    reply = signed_in.http.post("/api/me/totp", headers=signed_in.bearer)
    assert outcome(reply) == (403, "reauthentication_required")
    signed_in.http.post("/api/me/reauthenticate", json={"password": people.PASSWORD}, headers=signed_in.bearer)
    set_up(signed_in)
    for body in ({"password": "wrong"}, {}, {"password": ""}):
        assert signed_in.http.delete("/api/me/totp", json=body, headers=signed_in.bearer).status_code == 422
    assert outcome(login(signed_in.http.application)) == (401, "mfa_required")


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("DELETE /api/sessions", None),
        ("POST /api/me/password", {"current_password": people.PASSWORD, "new_password": NEW_PASSWORD}),
    ],
)
def test_a_session_that_its_owner_ends_meanwhile_turns_nothing_on(
    app: Flask, signed_in: people.SignedIn, monkeypatch: pytest.MonkeyPatch, route: str, body: dict[str, str] | None
) -> None:
    """P12, V04: nor does it end the owner's. Its ten codes take long to hash."""
    owner, make = people.sign_in(app.test_client()), recovery_codes.make
    method, path = route.split()

    def make_late() -> tuple[list[str], list[str]]:
        assert owner.http.open(path, method=method, json=body, headers=owner.bearer).status_code == 204
        return make()

    monkeypatch.setattr(recovery_codes, "make", make_late)
    secret = signed_in.http.post("/api/me/totp", headers=signed_in.bearer).json["secret"]
    code = {"code": pyotp.TOTP(secret).at(utc_now())}
    assert_refused(signed_in.http.post("/api/me/totp/confirm", json=code, headers=signed_in.bearer), "session_ended")
    assert owner.me().status_code == 200
    assert people.users(app)[0].totp_enabled_at is None


def test_the_password_takes_it_away_with_its_codes(app: Flask, signed_in: people.SignedIn, phone: Phone) -> None:
    body = {"password": people.PASSWORD}
    assert signed_in.http.delete("/api/me/totp", json=body, headers=signed_in.bearer).status_code == 204
    assert login(app).status_code == 200
    with app.app_context():
        assert db.session.scalars(select(RecoveryCode)).all() == []
        assert db.session.scalars(select(User.totp_seed)).one() is None
    assert outcome(signed_in.http.delete("/api/me/totp", json=body, headers=signed_in.bearer)) == (
        409,
        "second_factor_state",
    )


def test_the_owner_is_told_of_each_change(app: Flask, signed_in: people.SignedIn, mailbox: Mailbox) -> None:
    """ASVS 6.3.7."""
    phone = set_up(signed_in)
    assert mailbox.to(people.EMAIL) == ["Two-step sign-in is on"]
    login(app, phone.codes[0])
    assert mailbox.to(people.EMAIL) == ["A recovery code was used"]
    signed_in.http.delete("/api/me/totp", json={"password": people.PASSWORD}, headers=signed_in.bearer)
    assert mailbox.to(people.EMAIL) == ["Two-step sign-in is off"]


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
    assert http.get("/account/security/totp").location == "/account/security"
    assert not any(code in http.get("/account/security").text for code in codes)
    renewed = submit(http, "/account/security/recovery-codes", form="/account/security")
    assert len(re.findall(r"(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", renewed.text)) == 10
    assert submit(http, "/account/security/totp/remove", {"password": "wrong"}).status_code == 422
    assert submit(http, "/account/security/totp/remove", {"password": people.PASSWORD}).status_code == 303
    assert login(app).status_code == 200


def test_a_referrer_that_is_no_url_is_no_fault_of_the_server(
    signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """I01: where a form was is asked of the Referer."""
    page = signed_in.http.post("/account/security/totp", headers={"Referer": "http://["})
    assert page.status_code < 500
