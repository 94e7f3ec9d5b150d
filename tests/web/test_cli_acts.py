"""`flask users promote`, `demote`, `deactivate`, `activate` and `unlock`: each is done once, and is nobody's deed."""

import pytest
from flask import Flask

from tests.support import people
from tests.support.command_line import refused, run
from tests.support.people import users
from tests.support.steps import events
from webapp.database import db
from webapp.models import User

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.parametrize(
    ("command", "done", "change"),
    [
        ("promote", "is an administrator now", ("user_promoted", "is_admin", True)),
        ("deactivate", "is deactivated; every session has ended", ("user_deactivated", "is_active", False)),
        ("unlock", "lets new devices in again", ("user_unlocked", "failed_sign_ins", 0)),
    ],
)
def test_a_user_is_changed_by_address_and_nobody_is_the_actor(
    app: Flask, user_id: int, command: str, done: str, change: tuple[str, str, object]
) -> None:
    """Z09."""
    kind, column, value = change
    with app.app_context():
        db.session.get_one(User, user_id).failed_sign_ins = 100
        db.session.commit()
    assert run(app, "users", command, people.EMAIL.upper()).output == f"{people.EMAIL} {done}.\n"
    assert getattr(users(app)[0], column) == value
    (event,) = events(app, kind)
    assert (event.user_id, event.actor_id, event.user_agent) == (user_id, None, "flask command line")
    assert "no user with the address" in refused(app, "users", command, "nobody@test.com")


@pytest.mark.parametrize("command", ["promote", "demote", "deactivate", "activate", "unlock"])
def test_what_is_so_already_is_said_and_not_written_down_again(app: Flask, user_id: int, command: str) -> None:
    """Z09."""
    with app.app_context():
        john = db.session.get_one(User, user_id)
        john.is_admin, john.is_active, john.failed_sign_ins = command == "demote", command != "activate", 100
        db.session.commit()
    people.create_user(app, "other@test.com", is_admin=True)
    first, second = (run(app, "users", command, people.EMAIL) for _ in range(2))
    assert (first.output, first.exit_code) == (second.output, second.exit_code)
    assert second.exit_code == 0
    kind = f"user_{command}{'d' if command.endswith('e') else 'ed'}"
    assert len(events(app, kind)) == 1


def test_who_is_let_in_no_more_is_made_no_administrator(app: Flask, user_id: int) -> None:
    run(app, "users", "deactivate", people.EMAIL)
    assert "is deactivated. Activate the account first." in refused(app, "users", "promote", people.EMAIL)
    assert events(app, "user_promoted") == []


def test_what_was_given_is_taken_and_the_last_administrator_stays(app: Flask, signed_in: people.SignedIn) -> None:
    """Z05, V06."""
    run(app, "users", "promote", people.EMAIL)
    for command in ("demote", "deactivate"):
        assert "The last administrator has to stay one" in refused(app, "users", command, people.EMAIL)
    assert signed_in.me().status_code == 200
    people.create_user(app, "other@test.com", is_admin=True)
    assert run(app, "users", "demote", people.EMAIL).output == f"{people.EMAIL} is no administrator any more.\n"
    run(app, "users", "deactivate", people.EMAIL)
    assert signed_in.me().status_code == 401
    assert run(app, "users", "activate", people.EMAIL).output == f"{people.EMAIL} can sign in again.\n"
    people.sign_in(app.test_client())
