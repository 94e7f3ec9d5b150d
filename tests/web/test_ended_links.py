"""Links that were mailed and that something else has ended meanwhile: a deactivation, an undoing, another address."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.desk import change, perform
from tests.support.mailbox import Mailbox
from tests.support.recovery import OTHER, THIEF, ask_to_move, confirm, forgot, move_to, reset, use
from tests.support.registration import NEW, PASSPHRASE, register

pytestmark = pytest.mark.usefixtures("clock")

INVALID_LINK = (400, "invalid_link")


def test_links_of_who_was_deactivated_open_nothing_then_or_later(
    app: Flask, desk: FlaskClient, mailbox: Mailbox, user_id: int
) -> None:
    """V06: whoever has them in a mailbox has waited for the account to be active again."""
    session = people.sign_in(app.test_client())
    change(app, user_id, email_verified=False)
    session.http.post("/api/email/resend", headers=session.bearer)
    first = mailbox.token("verify", people.EMAIL)
    ask_to_move(session)
    second = mailbox.token("verify", OTHER)
    forgot(app)
    third = mailbox.token("reset", people.EMAIL)
    for act in ("deactivate", "activate"):
        assert perform(desk, user_id, act).status_code == 303
        answers = [confirm(app, first), confirm(app, second), reset(app, third)]
        assert answers == [INVALID_LINK] * 3, act


def test_an_undoing_ends_a_further_change_that_waits(app: Flask, mailbox: Mailbox, user_id: int) -> None:
    """P08: or the thief who asked for it takes the account a second time."""
    thief = people.sign_in(app.test_client())
    move_to(app, mailbox, THIEF, of=thief)
    undo = mailbox.token("undo", people.EMAIL)
    ask_to_move(thief)
    further = mailbox.token("verify", OTHER)
    assert use(app, f"/undo/{undo}").status_code == 303
    assert confirm(app, further) == INVALID_LINK
    assert [user.email for user in people.users(app)] == [people.EMAIL]


def test_an_administrator_who_never_proved_an_address_makes_no_room_for_who_does(
    app: Flask, mailbox: Mailbox, user_id: int
) -> None:
    """Z05: or a click in a mailbox might delete the last one."""
    ask_to_move(people.sign_in(app.test_client()))
    token = mailbox.token("verify", OTHER)
    people.create_user(app, OTHER, is_verified=False, is_admin=True)
    assert confirm(app, token) == (409, "address_taken")
    assert [user.email for user in people.users(app)] == [people.EMAIL, OTHER]


def test_a_link_that_confirms_the_first_address_opens_nothing_once_there_is_another(
    app: Flask, mailbox: Mailbox
) -> None:
    """P09."""
    register(app)
    first = mailbox.token("verify", NEW)
    newcomer = people.sign_in(app.test_client(), email=NEW, password=PASSPHRASE)
    assert ask_to_move(newcomer, password=PASSPHRASE)[0] == 202
    assert confirm(app, mailbox.token("verify", OTHER)) == (204, "")
    assert confirm(app, first) == INVALID_LINK
