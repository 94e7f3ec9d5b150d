"""Who ends sessions waits for who holds some, and never in a circle: PostgreSQL would break that with a 503."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Update, update

from tests.support import people
from tests.support.command_line import run
from tests.support.desk import end, perform
from tests.support.meanwhile import wait_for
from tests.support.sessions import reasons, sid
from tests.support.steps import current_sid
from webapp.models import AuthSession, User

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def devices(app: Flask, user_id: int) -> list[people.SignedIn]:
    """Three devices of one user, in the order in which who ends them all comes to their rows."""
    return sorted((people.sign_in(app.test_client()) for _ in range(3)), key=sid)


def lock(session_id: str) -> Update:
    """Lock a session's row."""
    return update(AuthSession).where(AuthSession.id == session_id).values(ip=AuthSession.ip)


def lock_user(user_id: int) -> Update:
    return update(User).where(User.id == user_id).values(is_active=User.is_active)


def ended(app: Flask) -> int:
    return sum(reason is not None for reason in reasons(app).values())


def test_the_others_are_ended_after_somebody_who_holds_one_and_ends_the_others(
    app: Flask, user_id: int, devices: list[people.SignedIn]
) -> None:
    """As one who sets a new password on the second device meanwhile, which keeps that session."""
    first, second, third = devices
    reply = wait_for(
        app,
        lambda: third.http.delete("/api/sessions", headers=third.bearer),
        lock_user(user_id),
        lock(sid(second)),
        then=lock(sid(first)),
    )
    assert (reply.status_code, ended(app)) == (204, 2)


def test_an_administrator_ends_all_after_somebody_who_holds_one_and_ends_the_others(
    app: Flask, user_id: int, devices: list[people.SignedIn], desk: FlaskClient
) -> None:
    reply = wait_for(
        app,
        lambda: perform(desk, user_id, "end-sessions"),
        lock_user(user_id),
        lock(sid(devices[1])),
        then=lock(sid(devices[0])),
    )
    assert (reply.status_code, ended(app)) == (303, 3)


def test_an_administrator_ends_some_after_somebody_who_holds_one_and_ends_the_others(
    app: Flask, user_id: int, devices: list[people.SignedIn], desk: FlaskClient
) -> None:
    people.create_user(app, "jane@test.com")
    jane = people.sign_in(app.test_client(), email="jane@test.com")
    first, second, _ = devices
    reply = wait_for(
        app,
        lambda: end(desk, sid(first), sid(second), sid(jane)),
        lock_user(user_id),
        lock(sid(second)),
        then=lock(sid(first)),
    )
    assert (reply.status_code, ended(app)) == (303, 3)


def test_an_administrator_holds_no_session_while_waiting_for_another(
    app: Flask, devices: list[people.SignedIn], desk: FlaskClient
) -> None:
    """As `sessions revoke --all`, which has come to the one and goes on to the administrator's."""
    own = current_sid(desk)
    reply = wait_for(app, lambda: end(desk, sid(devices[0])), lock(sid(devices[0])), then=lock(own))
    assert (reply.status_code, ended(app)) == (303, 1)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_command_that_was_in_somebodys_way_tries_again(app: Flask, devices: list[people.SignedIn]) -> None:
    """O04: PostgreSQL refuses one of two who wait for each other."""
    first, second, _ = devices
    result = wait_for(app, lambda: run(app, "sessions", "revoke", "--all"), lock(sid(second)), then=lock(sid(first)))
    assert (result.exit_code, result.output) == (0, "Ended 3 sessions.\n")
