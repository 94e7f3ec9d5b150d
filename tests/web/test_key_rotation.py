"""Keys change and nobody is signed out: tokens, forms, device cookies and seeds (O03)."""

import json
from collections.abc import Callable

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support import forge, people
from tests.support.key_pairs import ED25519, P256, pem
from tests.support.settings import SECRET_KEY
from tests.support.steps import assert_refused, csrf_token, is_signed_in, me, refresh, sign_in_by_form, successor
from webapp import mfa_setup
from webapp.clock import utc_now
from webapp.database import db
from webapp.keys import key_pairs
from webapp.models import OutboxMail

NEW = "another-key-for-tests-0123456789-zyxwvutsrqponm"
MakeApp = Callable[..., Flask]


def carried_over(app: Flask, browser: FlaskClient) -> FlaskClient:
    """Return a client of `app` with the cookies of another, as a browser after the server has started again."""
    client = app.test_client()
    for name in ("session", "refresh_token", "known_device"):
        if cookie := browser.get_cookie(name):
            client.set_cookie(name, cookie.value)
    return client


def mails(app: Flask, kind: str) -> int:
    with app.app_context():
        return len(db.session.scalars(select(OutboxMail).where(OutboxMail.kind == kind)).all())


def command(app: Flask, *arguments: str) -> str:
    result = app.test_cli_runner().invoke(args=arguments)
    assert result.exit_code == 0, result.output
    return result.output


# --- SECRET_KEY --------------------------------------------------------------------------------------------


@pytest.fixture
def before(app: Flask, user_id: int) -> Flask:
    """The application under the old key, John Doe in it."""
    return app


@pytest.fixture
def rotated(before: Flask, make_app: MakeApp) -> Flask:
    return make_app(secret_key=NEW, secret_key_previous=SECRET_KEY)


def test_tokens_of_the_previous_key_stay_good_and_new_ones_need_it_no_more(
    before: Flask, rotated: Flask, make_app: MakeApp
) -> None:
    """O03: and once the old key is gone, what it signed is refused."""
    old = people.sign_in(before.test_client())
    assert me(rotated.test_client(), old.access) == 200
    reply = refresh(rotated.test_client(), old.refresh or "")
    newest = successor(reply)
    assert jwt.get_unverified_header(newest)["kid"] != jwt.get_unverified_header(old.refresh or "")["kid"]
    without = make_app(secret_key=NEW)
    assert me(without.test_client(), reply.json["access_token"]) == 200
    assert successor(refresh(without.test_client(), newest))
    assert_refused(without.test_client().get("/api/me", headers=old.bearer), "invalid_token")
    assert_refused(refresh(without.test_client(), old.refresh or ""), "invalid_token")


def test_of_two_hosts_the_one_that_is_not_changed_yet_takes_what_the_other_signs(
    before: Flask, make_app: MakeApp
) -> None:
    """O03: step 1 of docs/operations.md."""
    prepared = make_app(secret_key_previous=NEW)
    changed = make_app(secret_key=NEW, secret_key_previous=SECRET_KEY)
    tokens = people.sign_in(changed.test_client())
    assert me(prepared.test_client(), tokens.access) == 200
    back = refresh(prepared.test_client(), tokens.refresh or "")
    assert me(changed.test_client(), back.json["access_token"]) == 200


def test_an_open_form_and_a_page_survive_a_new_key(before: Flask, rotated: Flask) -> None:
    """O03, row 16 of security.md: Flask-WTF by itself knows no previous keys."""
    browser = before.test_client()
    sign_in_by_form(browser)
    token = csrf_token(browser.get("/account"))
    later = carried_over(rotated, browser)
    assert is_signed_in(later)
    assert later.post("/account", data={"csrf_token": token, "first_name": "Jane"}).status_code == 303
    assert "Jane" in later.get("/account").text


def test_new_forms_and_cookies_need_the_previous_key_no_more(
    before: Flask, rotated: Flask, make_app: MakeApp, user_id: int
) -> None:
    browser = rotated.test_client()
    sign_in_by_form(browser)
    token = csrf_token(browser.get("/account"))
    later = carried_over(make_app(secret_key=NEW), browser)
    assert later.post("/account", data={"csrf_token": token, "first_name": "Jane"}).status_code == 303
    older = before.test_client()
    sign_in_by_form(older)
    assert not is_signed_in(carried_over(make_app(secret_key=NEW), older))


def test_a_known_device_stays_known(before: Flask, rotated: Flask) -> None:
    """O03: nobody is mailed about a new device because of a new key."""
    browser = before.test_client()
    sign_in_by_form(browser)
    known = carried_over(rotated, browser)
    known.delete_cookie("refresh_token")
    stranger = rotated.test_client()
    for client, address, count in ((known, "192.0.2.7", 0), (stranger, "192.0.2.8", 1)):
        client.environ_base["REMOTE_ADDR"] = address
        assert sign_in_by_form(client).status_code == 303
        assert mails(rotated, "new_device") == count


def test_seeds_are_opened_by_the_previous_key_until_they_are_sealed_anew(
    before: Flask, rotated: Flask, make_app: MakeApp, user_id: int
) -> None:
    """O03."""
    session = people.sign_in(before.test_client())
    secret = session.http.post("/api/me/totp", headers=session.bearer).json["secret"]
    assert seed_of(rotated, session) == secret
    assert json.loads(command(rotated, "keys", "reseal", "--json")) == {"resealed": 1, "not_opened": 0}
    assert command(rotated, "keys", "reseal") == "Sealed 0 seeds anew; 0 are opened by no key.\n"
    assert seed_of(make_app(secret_key=NEW), session) == secret
    with_old_key_only = make_app()
    result = with_old_key_only.test_cli_runner().invoke(args=["keys", "reseal", "--json"])
    assert (result.exit_code, json.loads(result.stdout)) == (1, {"resealed": 0, "not_opened": 1})
    assert "add the key that sealed them to SECRET_KEY_PREVIOUS" in result.stderr


def seed_of(app: Flask, session: people.SignedIn) -> str:
    claims = forge.read(session.access)
    who = {"user_id": int(claims["sub"]), "sid": claims["sid"], "now": utc_now()}
    with app.app_context():
        enrolment = mfa_setup.pending(db.session, app.extensions["settings"], **who)
    assert enrolment
    return enrolment.secret


# --- JWT_SIGNING_KEY ---------------------------------------------------------------------------------------

PAIRS = {"EdDSA": ED25519, "ES256": P256}
with_each_pair = pytest.mark.parametrize("algorithm", PAIRS)


@with_each_pair
def test_a_pair_signs_access_tokens_alone_and_signs_nobody_out(
    before: Flask, make_app: MakeApp, algorithm: str
) -> None:
    """O03: switching it on, changing it and switching it off."""
    old = people.sign_in(before.test_client())
    paired = make_app(jwt_signing_key=pem(PAIRS[algorithm]))
    assert me(paired.test_client(), old.access) == 200
    reply = refresh(paired.test_client(), old.refresh or "")
    access, newest = reply.json["access_token"], reply.json["refresh_token"]
    assert jwt.get_unverified_header(access) == {
        "typ": "at+jwt", "alg": algorithm, "kid": key_pairs(pem(PAIRS[algorithm]))[0].id,
    }  # fmt: skip
    assert jwt.get_unverified_header(newest)["alg"] == "HS256"
    assert me(paired.test_client(), access) == 200
    other = next(key for name, key in PAIRS.items() if name != algorithm)
    changed = make_app(jwt_signing_key=pem(other) + pem(PAIRS[algorithm]))
    assert me(changed.test_client(), access) == 200
    without = make_app()
    assert_refused(without.test_client().get("/api/me", headers={"Authorization": f"Bearer {access}"}), "invalid_token")
    assert successor(refresh(without.test_client(), newest)), "its client refreshes and goes on"
