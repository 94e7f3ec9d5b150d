"""An older mail about an intruder does not undo what the owner has done since to be safe, nor helps the intruder."""

from collections.abc import Callable

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, update

from tests.support import authenticator, people
from tests.support.authenticator import Authenticator
from tests.support.mailbox import Mailbox
from tests.support.meanwhile import elsewhere
from tests.support.recovery import NEW_PASSWORD, forgot, recover, reset, use
from tests.support.second_factor import login, set_up
from tests.support.steps import MINUTE, csrf_token, events
from webapp import passwords
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import OneTimeToken, RecoveryCode

pytestmark = pytest.mark.usefixtures("clock")

THIEFS_PASSWORD = "eleven loud hedges"


class Intruder:
    """Somebody who knows the password has signed in; the owner has a mail with a link, unless there was one before."""

    def __init__(self, app: Flask, mailbox: Mailbox, agent: str, password: str = people.PASSWORD) -> None:
        body = {"email": people.EMAIL, "password": password, "transport": "body"}
        answer = app.test_client().post("/api/login", json=body, headers={"User-Agent": agent}).json
        self.session = people.SignedIn(app.test_client(), answer["access_token"], None)
        self.link = f"/not-me/{mailbox.token('not-me', people.EMAIL)}"


@pytest.fixture
def intruders(
    app: Flask, mailbox: Mailbox, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> list[Intruder]:
    found = []
    for agent in ("first", "second"):
        clock.shift(MINUTE)
        found.append(Intruder(app, mailbox, agent))
    clock.shift(MINUTE)
    return found


def add_passkey(session: people.SignedIn) -> Authenticator:
    key = Authenticator()
    reply = authenticator.add(session, key.create(authenticator.creation_challenge(session)))
    assert reply.status_code == 201, reply.text
    return key


def test_an_older_mail_takes_nothing_from_an_owner_who_has_dealt_with_it(
    app: Flask, mailbox: Mailbox, intruders: list[Intruder], clock: time_machine.Traveller
) -> None:
    """P14, ASVS 6.3.5: the password of after stays, and so do the second factor and the passkey."""
    first, second = intruders
    recover(app, first.link)
    owner = people.sign_in(app.test_client(), password=NEW_PASSWORD)
    phone, key = set_up(owner), add_passkey(owner)
    clock.shift(MINUTE)
    http = app.test_client()
    page = http.get(second.link)
    assert (page.status_code, "That was dealt with already" in page.text) == (200, True)
    assert 'href="/forgot">Set a new password</a>' in page.text
    assert "<form" not in page.text.partition("<main")[2]
    reply = http.post(second.link, data={"csrf_token": csrf_token(http.get("/login"))})
    assert (reply.status_code, reply.location) == (303, second.link)
    assert owner.me().status_code == 200
    assert login(app, phone.code(), password=NEW_PASSWORD).status_code == 200
    challenge = authenticator.sign_in_challenge(app)
    assert authenticator.sign_in(app, key.get(challenge)).status_code == 200
    assert len(events(app, "sign_in_disowned")) == 1


def test_a_new_password_by_a_link_that_the_owner_asked_for_counts_too(
    app: Flask, mailbox: Mailbox, intruders: list[Intruder]
) -> None:
    forgot(app)
    assert reset(app, mailbox.token("reset", people.EMAIL)) == (204, "")
    assert "That was dealt with already" in app.test_client().get(intruders[0].link).text
    assert login(app, password=NEW_PASSWORD).status_code == 200


def test_a_link_that_does_not_say_since_when_takes_everything_away(
    app: Flask, mailbox: Mailbox, intruders: list[Intruder]
) -> None:
    """One that an earlier release has sent."""
    with app.app_context():
        db.session.execute(update(OneTimeToken).values(since=None))
        db.session.commit()
    recover(app, intruders[0].link)
    recover(app, intruders[1].link)
    assert len(events(app, "sign_in_disowned")) == 2


def reset_by_link(app: Flask, mailbox: Mailbox, intruder: Intruder) -> None:
    forgot(app)
    token = mailbox.token("reset", people.EMAIL)
    assert reset(app, token) == (204, "")


def leave_a_passkey(app: Flask, mailbox: Mailbox, intruder: Intruder) -> None:
    """It signs in with the new password as it did with the old one."""
    add_passkey(intruder.session)
    reset_by_link(app, mailbox, intruder)


def leave_a_second_factor(app: Flask, mailbox: Mailbox, intruder: Intruder) -> None:
    """It keeps the owner out; its codes are used up."""
    set_up(intruder.session)
    with app.app_context():
        db.session.execute(delete(RecoveryCode))
        db.session.commit()
    reset_by_link(app, mailbox, intruder)


def leave_recovery_codes(app: Flask, mailbox: Mailbox, intruder: Intruder) -> None:
    """They stand in for a second factor that is the owner's."""
    with app.app_context():
        db.session.add(RecoveryCode(user_id=people.users(app)[0].id, code_hash="", made_at=utc_now()))
        db.session.commit()
    reset_by_link(app, mailbox, intruder)


def change_the_password(app: Flask, mailbox: Mailbox, intruder: Intruder) -> None:
    """Whoever knows the old one can."""
    body = {"current_password": people.PASSWORD, "new_password": THIEFS_PASSWORD}
    for path, sent in (("/api/me/password", body), ("/api/logout", {})):
        assert intruder.session.http.post(path, json=sent, headers=intruder.session.bearer).status_code == 204


def only_shut_it_out(app: Flask, mailbox: Mailbox, intruder: Intruder) -> None:
    """By the other mail, without setting a new one: the page that asked for it was closed."""
    other = Intruder(app, mailbox, "third")
    assert use(app, other.link).status_code == 303


@pytest.mark.parametrize(
    "deed",
    [leave_a_passkey, leave_a_second_factor, leave_recovery_codes, change_the_password, only_shut_it_out],
    ids=lambda deed: deed.__name__,
)
def test_what_an_intruder_has_left_or_done_is_not_dealt_with(
    app: Flask,
    mailbox: Mailbox,
    intruders: list[Intruder],
    clock: time_machine.Traveller,
    deed: Callable[[Flask, Mailbox, Intruder], None],
) -> None:
    """P14, ASVS 6.3.5: the link takes all of it away and leads to a new password."""
    deed(app, mailbox, intruders[1])
    clock.shift(MINUTE)
    recover(app, intruders[1].link)
    assert login(app, password=THIEFS_PASSWORD).status_code == 401
    assert login(app, password=NEW_PASSWORD).status_code == 200


def test_a_passkey_that_was_added_while_the_new_password_waited_for_its_hash_is_from_before(
    app: Flask,
    mailbox: Mailbox,
    intruders: list[Intruder],
    clock: time_machine.Traveller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """V04: though it is dated after the reset."""
    hash_password = passwords.hash_password
    forgot(app)
    token = mailbox.token("reset", people.EMAIL)

    def add_meanwhile(password: str) -> str:
        monkeypatch.setattr(passwords, "hash_password", hash_password)
        clock.shift(1)
        elsewhere(add_passkey, intruders[1].session)
        return hash_password(password)

    monkeypatch.setattr(passwords, "hash_password", add_meanwhile)
    assert reset(app, token) == (204, "")
    clock.shift(MINUTE)
    people.sign_in(app.test_client(), password=NEW_PASSWORD)
    page = app.test_client().get(use(app, intruders[1].link).location)
    assert page.status_code == 200
    assert len(events(app, "passkey_removed")) == 1


def test_a_session_that_is_alive_is_not_dealt_with(
    app: Flask, mailbox: Mailbox, intruders: list[Intruder], clock: time_machine.Traveller
) -> None:
    """ASVS 6.3.5: it was opened after the new password, by a host whose clock is behind."""
    reset_by_link(app, mailbox, intruders[0])
    clock.shift(-1)
    late = Intruder(app, mailbox, "late", NEW_PASSWORD)
    clock.shift(MINUTE)
    assert use(app, late.link).location.startswith("/reset/")
    assert late.session.me().status_code == 401
