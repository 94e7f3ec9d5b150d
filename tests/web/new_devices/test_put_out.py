"""A device that was signed out from elsewhere is news when it comes back."""

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.command_line import run
from tests.support.mailbox import Mailbox
from tests.support.new_devices import NEW_DEVICE, SAFARI, TRAIN, client, sign_in_again
from tests.support.sessions import sid
from tests.support.steps import DAY, MINUTE, current_sid, submit

pytestmark = pytest.mark.usefixtures("clock")


def put_out(app: Flask, owner: people.SignedIn, session_id: str, how: str) -> None:
    if how == "by an operator":
        assert run(app, "sessions", "revoke", "--all").exit_code == 0
    else:
        path = "/api/sessions" if how == "with all others" else f"/api/sessions/{session_id}"
        assert owner.http.delete(path, headers=owner.bearer).status_code == 204


def enter(http: FlaskClient, kind: str) -> str:
    """Sign in anew; return the session's id."""
    if kind == "program":
        return sid(people.sign_in(http))
    sign_in_again(http)
    return current_sid(http)


@pytest.mark.parametrize("how", ["by itself", "with all others", "by an operator"])
@pytest.mark.parametrize("kind", ["program", "browser"])
@pytest.mark.usefixtures("laptop")
def test_a_device_that_was_ended_from_elsewhere_is_mailed_again_when_it_comes_back(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller, how: str, kind: str
) -> None:
    """ASVS 6.3.5: or whoever was thrown out comes back unannounced, a browser though it has its cookie; once, then it
    is known again."""
    http, told = client(app, SAFARI, TRAIN), []
    for is_put_out in (True, False, False):
        clock.shift(DAY)
        session_id = enter(http, kind)
        told.append(mailbox.to(people.EMAIL))
        if is_put_out:
            clock.shift(MINUTE)
            put_out(app, people.sign_in(client(app)), session_id, how)
    assert told == [[NEW_DEVICE], [NEW_DEVICE], []]


@pytest.mark.parametrize("kind", ["program", "browser"])
def test_who_ends_their_own_session_in_the_list_has_signed_out(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient, clock: time_machine.Traveller, kind: str
) -> None:
    """ASVS 6.3.5: and is no news."""
    clock.shift(MINUTE)
    http = client(app, SAFARI, TRAIN)
    session = people.sign_in(http)
    mailbox.deliver()
    if kind == "program":
        assert http.delete(f"/api/sessions/{sid(session)}", headers=session.bearer).status_code == 204
        people.sign_in(http)
    else:
        path = f"/account/sessions/{current_sid(laptop)}/end"
        assert submit(laptop, path, form="/account/sessions").location == "/login"
        clock.shift(MINUTE)
        sign_in_again(laptop)
    assert mailbox.to(people.EMAIL) == []
