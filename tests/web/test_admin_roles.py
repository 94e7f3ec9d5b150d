"""Who becomes an administrator and ceases to be one at the desk; the last one stays."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from tests.support.desk import ADMIN, admin_id, perform, the_event, user
from tests.support.steps import sign_in_by_form
from webapp.database import db
from webapp.models import User

pytestmark = pytest.mark.usefixtures("clock")


def test_roles_are_given_and_taken_from_the_next_request_on(app: Flask, desk: FlaskClient, user_id: int) -> None:
    """V06, Z09."""
    browser = app.test_client()
    sign_in_by_form(browser)
    assert browser.get("/admin").status_code == 403
    perform(desk, user_id, "promote")
    assert browser.get("/admin").status_code == 200
    perform(desk, user_id, "demote")
    assert browser.get("/admin").status_code == 403
    for kind in ("user_promoted", "user_demoted"):
        assert (the_event(app, kind).user_id, the_event(app, kind).actor_id) == (user_id, admin_id(app))


@pytest.mark.parametrize("act", ["demote", "deactivate"])
def test_the_last_administrator_stays_one_and_the_attempt_is_written_down(
    app: Flask, desk: FlaskClient, act: str
) -> None:
    """Z05, Z09: the event survives the refusal."""
    ada = admin_id(app)
    reply = perform(desk, ada, act, ADMIN)
    assert (reply.status_code, reply.text.count("The last administrator has to stay one")) == (409, 2)  # title, heading
    assert "Make another user an administrator first, under Admin, Users." in reply.text
    assert (user(app, ada).is_admin, user(app, ada).is_active) == (True, True)
    event = the_event(app, f"user_{act}d" if act == "demote" else "user_deactivated")
    assert (event.user_id, event.actor_id, event.detail) == (ada, ada, {"refused": "last_administrator"})
    assert "Refused" in desk.get("/admin/events").text


@pytest.mark.parametrize(("is_active", "expected"), [(False, 409), (True, 303)])
def test_only_an_active_administrator_can_stand_in(
    app: Flask, desk: FlaskClient, user_id: int, is_active: bool, expected: int
) -> None:
    """Z05."""
    with app.app_context():
        db.session.execute(update(User).where(User.id == user_id).values(is_admin=True, is_active=is_active))
        db.session.commit()
    reply = perform(desk, admin_id(app), "demote", ADMIN)
    assert reply.status_code == expected
    if expected == 303:
        assert (reply.location, desk.get("/admin").status_code) == ("/account", 403)
