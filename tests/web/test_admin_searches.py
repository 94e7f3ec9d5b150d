"""What the desk finds: by each filter, in whatever case and however it is written; and who it says did something."""

import re

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from tests.support import forge, people
from tests.support.desk import ADMIN, found
from tests.support.steps import DAY, START, sign_in_by_form
from webapp.database import db
from webapp.models import User

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=ADMIN@test.com", [ADMIN]),
        ("q=ada", [ADMIN]),
        ("q=john+doe", [people.EMAIL]),
        ("q=john+admin", []),
        ("q=%231", [people.EMAIL]),
        ("q=%25", []),
        ("q=_est", []),
        ("state=administrator", [ADMIN]),
        ("state=administrator&q=john", []),
        ("state=unverified", ["new@test.com"]),
        ("state=deactivated", ["new@test.com"]),
        ("state=two-step", ["new@test.com"]),
        ("state=locked", ["new@test.com"]),
        ("state=&q=&sort=oldest", [people.EMAIL, ADMIN, "new@test.com"]),
    ],
)
def test_users_are_found_by_words_and_state(app: Flask, desk: FlaskClient, query: str, expected: list[str]) -> None:
    people.create_user(app, "new@test.com", first_name="Zoe", last_name="", is_verified=False)
    with app.app_context():
        values = {"is_active": False, "totp_enabled_at": START, "failed_sign_ins": 100}
        db.session.execute(update(User).where(User.email == "new@test.com").values(**values))
        db.session.commit()
    page = desk.get(f"/admin/users?{query}")
    assert found(page) == expected
    assert f"{len(expected)} user{'' if len(expected) == 1 else 's'}</p>" in page.text
    assert ("No user matches." in page.text) == (not expected)


def test_sessions_are_found_by_state_user_address_and_device(
    app: Flask, desk: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    phone = people.SignedIn(http := app.test_client(), "", None)
    headers = {"User-Agent": "Phone/1 100%"}
    body = {"email": people.EMAIL, "password": people.PASSWORD, "transport": "body"}
    access = http.post("/api/login", json=body, headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.7"}).json
    phone.access = access["access_token"]
    ended = people.sign_in(app.test_client())
    ended.http.post("/api/logout", headers=ended.bearer)
    sids = {name: forge.read(session.access)["sid"] for name, session in {"phone": phone, "ended": ended}.items()}

    def shown(query: str) -> set[str]:
        text = desk.get(f"/admin/sessions?{query}").text
        users = re.findall(r'<th scope="row" data-label="User">\s*<a href="/admin/users/(\d+)">', text)
        return {f"{len(users)} rows", *(name for name, sid in sids.items() if f'value="{sid}"' in text)}

    assert shown("") == {"2 rows", "phone"}
    assert shown("state=ended") == {"1 rows"}
    assert shown("state=all") == {"3 rows", "phone"}
    assert shown(f"user={people.EMAIL}") == shown(f"user={user_id}") == {"1 rows", "phone"}
    assert shown("user=nobody@test.com") == shown("user=999") == {"0 rows"}
    assert shown("ip=192.0.2.7") == shown("device=phone%2F1") == shown("device=100%25") == {"1 rows", "phone"}
    assert shown("device=1%25") == {"0 rows"}
    clock.shift(31 * DAY)
    sign_in_by_form(desk, email=ADMIN)
    assert shown("") == {"1 rows"}


def test_events_are_found_by_kind_user_actor_address_session_and_day(
    app: Flask, desk: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    clock.shift(DAY)
    session = people.sign_in(app.test_client())
    app.test_client().post(
        "/api/login", json={"email": people.EMAIL, "password": "x"}, environ_base={"REMOTE_ADDR": "192.0.2.9"}
    )

    def shown(query: str) -> list[str]:
        page = desk.get(f"/admin/events?{query}")
        assert page.status_code == 200
        return re.findall(r'<th scope="row" data-label="What">\s*([A-Z][a-z ]*[a-z])', page.text)

    latest = ["Sign in failed", "Sign in"]
    assert shown("") == [*latest, "Sign in", "User created", "User created"]
    assert shown("kind=sign_in_failed") == shown("ip=192.0.2.9") == ["Sign in failed"]
    assert shown(f"user={people.EMAIL}") == shown(f"user={user_id}") == [*latest, "User created"]
    assert shown(f"actor={user_id}") == shown(f"session={forge.read(session.access)['sid']}") == ["Sign in"]
    assert shown("since=2026-07-02") == latest
    assert shown("until=2026-07-01") == ["Sign in", "User created", "User created"]
    assert shown("since=2026-07-02&until=2026-07-02&kind=sign_in") == ["Sign in"]
    assert shown("since=2026-07-03") == shown("until=0001-01-01") == []
    assert shown("since=0001-01-01&until=9999-12-30") == shown("")


@pytest.mark.parametrize("word", ["élodie", "ÉLODIE", "Élod", "öztürk", "ÖZTÜRK"])
def test_a_name_is_found_in_whatever_case_it_is_written(app: Flask, desk: FlaskClient, word: str) -> None:
    people.create_user(app, "elodie@test.com", first_name="Élodie", last_name="ÖZTÜRK")
    assert "elodie@test.com" in desk.get("/admin/users", query_string={"q": word}).text


@pytest.mark.parametrize("written", ["2001:db8::a", "2001:DB8::A", "2001:db8:0:0:0:0:0:a"])
def test_a_network_address_is_found_however_it_is_written(app: Flask, desk: FlaskClient, written: str) -> None:
    wrong = {"email": people.EMAIL, "password": "wrong"}
    app.test_client().post("/api/login", json=wrong, environ_base={"REMOTE_ADDR": "2001:db8::a"})
    events = desk.get("/admin/events", query_string={"ip": written}).text
    assert "Sign in failed" in events
    assert "No event matches" not in events


def test_nobody_passes_for_the_command_line_by_a_user_agent(app: Flask, desk: FlaskClient) -> None:
    """Z09: what is sent to us has the number of its request, whatever its headers say."""
    agent = {"User-Agent": "flask command line"}
    app.test_client().post("/api/password/forgot", json={"email": ADMIN}, headers=agent)
    asked = desk.get("/admin/events?kind=reset_requested").text
    assert "Reset requested" in asked
    assert "Command line" not in asked
    assert "Command line" in desk.get("/admin/events?kind=user_created").text


def test_a_session_that_has_run_out_says_when(make_app, clock: time_machine.Traveller) -> None:
    app = make_app(refresh_token_expire_days=7)
    user_id = people.create_user(app)
    people.create_user(app, ADMIN, is_admin=True)
    sign_in_by_form(app.test_client())
    clock.shift(9 * DAY)
    desk = app.test_client()
    sign_in_by_form(desk, email=ADMIN)
    page = desk.get(f"/admin/users/{user_id}").text
    assert "<dt>Expired</dt>" in page
    assert "Ends at the latest" not in page
