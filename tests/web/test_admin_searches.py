"""What the desk finds: names in whatever case, addresses however they are written; and who it says did something."""

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.desk import ADMIN
from tests.support.steps import DAY, sign_in_by_form

pytestmark = pytest.mark.usefixtures("clock")


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
