"""The doctor on accounts and on what should have been deleted, and that each command it names mends what it found."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pyotp
import pytest
from flask import Flask
from sqlalchemy import delete, insert, update

from tests.doctor.conftest import ADMIN, START, complaints, run
from tests.support import people
from tests.support.settings import make_settings
from webapp.clock import utc_now
from webapp.database import db
from webapp.demo import USERS
from webapp.models import AuditEvent, AuthSession, OneTimeToken, Passkey, User
from webapp.sealing import seal
from webapp.seeds import BATCH


def change(app: Flask, statement: Any) -> None:
    with app.app_context():
        db.session.execute(statement)
        db.session.commit()


def test_a_service_that_nobody_administers_is_found_and_the_remedy_works(clinic: Callable[..., Flask]) -> None:
    app = clinic()
    change(app, update(User).values(is_active=False))
    found = complaints(app)
    assert found.keys() == {"administrator-none"}
    assert "flask --app wsgi users create EMAIL --admin --verified" in found["administrator-none"]
    run(app, "users", "create", "new@example.com", "--password", "long enough", "--admin", "--verified")
    assert complaints(app).keys() == {"administrator-one-factor"}


def test_an_administrator_with_a_password_only_is_found(clinic: Callable[..., Flask]) -> None:
    app = clinic()
    change(app, delete(Passkey))
    found = complaints(app)
    assert found.keys() == {"administrator-one-factor"}
    assert f"lets in as {ADMIN}: add a code or a passkey" in found["administrator-one-factor"]
    change(app, update(User).values(totp_enabled_at=utc_now()))
    assert complaints(app) == {}


def test_an_administrator_who_never_confirmed_the_address_is_found(clinic: Callable[..., Flask]) -> None:
    app = clinic()
    change(app, update(User).values(email_verified=False))
    found = complaints(app)
    assert found.keys() == {"administrator-unverified"}
    assert ADMIN in found["administrator-unverified"]
    assert "demote" in found["administrator-unverified"]


def test_other_users_may_have_a_password_only(clinic: Callable[..., Flask]) -> None:
    app = clinic()
    people.create_user(app, is_verified=False, password="nobody has published this")
    assert complaints(app) == {}


def test_published_passwords_are_found_in_production_and_the_remedy_works(clinic: Callable[..., Flask]) -> None:
    app = clinic()
    user = USERS[0]
    people.create_user(app, str(user["email"]), str(user["password"]))
    found = complaints(app)
    assert found.keys() == {"demo-users"}
    assert f"flask --app wsgi users deactivate {user['email']}" in found["demo-users"]
    assert str(user["password"]) not in found["demo-users"]
    development = clinic(app_env="development", public_url="http://localhost:8000")
    assert complaints(development).keys() == {"development"}
    run(app, "users", "deactivate", str(user["email"]))
    assert complaints(app) == {}


def begin_second_factor(app: Flask) -> None:
    with app.app_context():
        seed = seal(app.extensions["settings"], pyotp.random_base32())
        db.session.execute(update(User).where(User.id == 1).values(totp_seed=seed))
        db.session.commit()


def test_seeds_that_the_key_does_not_open_are_found_and_the_remedy_works(
    clinic: Callable[..., Flask], sound: dict[str, Any]
) -> None:
    app = clinic()
    begin_second_factor(app)
    assert complaints(app) == {}
    lost, key = clinic(secret_key=secrets.token_urlsafe(48)), secrets.token_urlsafe(48)
    changed = clinic(secret_key=key)
    found = complaints(changed)
    assert found.keys() == {"seeds-sealed"}
    remedy = "run SECRET_KEY_PREVIOUS=the-key-from-before flask --app wsgi keys reseal; where that key is lost, "
    assert f"of {ADMIN}, whose codes are refused: {remedy}" in found["seeds-sealed"]
    assert sound["secret_key"] not in found["seeds-sealed"]
    run(clinic(secret_key=key, secret_key_previous=sound["secret_key"]), "keys", "reseal")
    assert complaints(changed) == {}
    run(lost, "users", "remove-second-factor", ADMIN)
    assert complaints(lost).keys() == {"administrator-one-factor"}, "the passkey is gone, too"


def test_seeds_that_no_key_opens_are_found_behind_however_many_that_one_does(
    clinic: Callable[..., Flask], sound: dict[str, Any]
) -> None:
    """Each batch of them is looked at, and so is the last."""
    app = clinic()
    sealed = [seal(options, pyotp.random_base32()) for options in (app.extensions["settings"], make_settings())]
    change(app, insert(User).values([a_user(number, sealed[number >= 2 * BATCH]) for number in range(2 * BATCH + 5)]))
    assert "of p1000@example.com, p1001@example.com, p1002@example.com and 2 more" in complaints(app)["seeds-sealed"]
    result = app.test_cli_runner().invoke(args=["keys", "reseal"])
    assert (result.exit_code, result.stdout) == (1, "Sealed 0 seeds anew; 5 are opened by no key.\n")
    assert "`flask --app wsgi doctor` names their users" in result.stderr


def a_user(number: int, seed: str) -> dict[str, Any]:
    address = f"p{number}@example.com"
    return {"email": address, "email_key": address, "password_hash": "", "created_at": START, "totp_seed": seed}


def test_seeds_that_need_a_previous_key_are_found_and_the_remedy_works(
    clinic: Callable[..., Flask], sound: dict[str, Any]
) -> None:
    app = clinic()
    begin_second_factor(app)
    rotated = {"secret_key": secrets.token_urlsafe(48), "secret_key_previous": sound["secret_key"]}
    changed = clinic(**rotated)
    found = complaints(changed)
    assert found.keys() == {"seeds-sealed-before"}
    assert "flask --app wsgi keys reseal" in found["seeds-sealed-before"]
    run(changed, "keys", "reseal")
    assert complaints(changed) == {}
    assert complaints(clinic(secret_key=rotated["secret_key"])) == {}


def test_of_many_users_a_few_are_named(clinic: Callable[..., Flask]) -> None:
    app = clinic()
    change(app, delete(Passkey))
    for number in range(4):
        people.create_user(app, f"admin{number}@example.com", is_admin=True)
    names = f"{ADMIN}, admin0@example.com, admin1@example.com and 2 more"
    assert names in complaints(app)["administrator-one-factor"]


# --- housekeeping ----------------------------------------------------------------------------------------


def _session(ended: datetime) -> AuthSession:
    names = ("confirmed_at", "created_at", "authenticated_at", "last_seen_at", "refresh_expires_at", "expires_at")
    return AuthSession(id="s" * 22, user_id=1, transport="body", remember=True, **dict.fromkeys(names, ended))


def _token(ended: datetime) -> OneTimeToken:
    return OneTimeToken(digest="d" * 64, purpose="verify_email", user_id=1, created_at=ended, expires_at=ended)


def _event(at: datetime) -> AuditEvent:
    return AuditEvent(at=at, kind="sign_in")


@pytest.mark.parametrize(
    ("row", "kept", "code", "command"),
    [
        (_session, timedelta(days=7), "sessions-unpurged", ("sessions", "purge")),
        (_token, timedelta(days=7), "sessions-unpurged", ("sessions", "purge")),
        (_event, timedelta(days=400), "events-unpurged", ("events", "purge")),
    ],
)
def test_rows_that_nobody_deletes_are_found_and_the_remedy_works(
    clinic: Callable[..., Flask],
    row: Callable[[datetime], object],
    kept: timedelta,
    code: str,
    command: tuple[str, ...],
) -> None:
    app, now = clinic(), utc_now()
    with app.app_context():
        db.session.add(row(now - kept))
        db.session.commit()
    assert complaints(app, now=now) == {}
    found = complaints(app, now=now + timedelta(seconds=1))
    assert found.keys() == {code}
    assert f"run flask --app wsgi {' '.join(command)}" in found[code]
    run(app, *command)
    assert complaints(app, now=now + timedelta(seconds=1)) == {}
