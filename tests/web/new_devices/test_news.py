"""What the owner hears of sign-ins: of new devices once, and of stolen tokens once."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from bench import plans
from tests.support import people, steps
from tests.support.command_line import run
from tests.support.mailbox import Mailbox, text
from tests.support.new_devices import (
    FIREFOX,
    HOME,
    NEW_DEVICE,
    OTHER,
    SAFARI,
    TOKEN_REUSED,
    TRAIN,
    client,
    move,
    sign_in_again,
)
from tests.support.recovery import NEW_PASSWORD, confirm
from tests.support.registration import BODY, NEW, PASSPHRASE
from tests.support.steps import DAY, HOUR, MINUTE, assert_refused, events, sign_in_by_form, submit
from webapp import registration
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import AuditEvent
from webapp.web.context import settings

pytestmark = pytest.mark.usefixtures("clock", "user_id")


# --- which sign-ins are mailed ---------------------------------------------------------------------------


def test_the_first_sign_in_after_registration_is_no_news(app: Flask, mailbox: Mailbox) -> None:
    """ASVS 6.3.5: the next one, from elsewhere, is."""
    email, password = "new@example.com", "seven quiet hedges"
    body = {"email": email, "password": password}
    assert app.test_client().post("/api/register", json=body).status_code == 202
    assert confirm(app, mailbox.token("verify", email))[0] == 204
    people.sign_in(client(app), email=email, password=password)
    assert mailbox.to(email) == []
    people.sign_in(client(app, SAFARI, TRAIN), email=email, password=password)
    assert mailbox.to(email) == [NEW_DEVICE]


@pytest.mark.parametrize("behind", [timedelta(seconds=0.15), timedelta(seconds=30)])
def test_the_first_sign_in_after_registering_twice_at_once_is_no_news(
    app: Flask, mailbox: Mailbox, behind: timedelta
) -> None:
    """ASVS 6.3.5: by a double click, or on two hosts: the sign-up that finds the account there is dated before it."""
    for now in (utc_now(), utc_now() - behind):
        with app.app_context():
            registration.register(db.session, settings(), **BODY, client=COMMAND_LINE, now=now)
        token = mailbox.token("verify", NEW)
    assert app.test_client().post("/api/email/verify", json={"token": token}).status_code == 204
    people.sign_in(client(app), email=NEW, password=PASSPHRASE)
    assert mailbox.to(NEW) == []
    people.sign_in(client(app, SAFARI, TRAIN), email=NEW, password=PASSPHRASE)
    assert mailbox.to(NEW) == [NEW_DEVICE]


def test_an_unknown_browser_is_mailed_once_with_its_name_place_and_time(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient, clock: time_machine.Traveller
) -> None:
    """ASVS 6.3.5: a failed sign-in is not mailed, nor is the next one from there, with or without its cookie."""
    clock.shift(HOUR)
    phone = client(app, SAFARI, TRAIN)
    assert sign_in_by_form(phone, password="wrong").status_code == 422
    assert mailbox.deliver() == []
    sign_in_by_form(phone)
    (mail,) = mailbox.deliver()
    assert (mail["To"], mail["Subject"]) == (people.EMAIL, NEW_DEVICE)
    words = " ".join(text(mail).split())
    assert f"Mobile Safari on iOS, network address {TRAIN}, on 1 July 2026 at 13:00 UTC." in words
    sign_in_again(phone)
    people.sign_in(client(app, SAFARI, TRAIN))
    sign_in_again(laptop)
    assert mailbox.deliver() == []


@pytest.mark.parametrize(("age", "expected"), [(180 * DAY - 1, []), (180 * DAY, [NEW_DEVICE])])
def test_a_browser_is_known_by_its_cookie_wherever_it_is(
    mailbox: Mailbox, laptop: FlaskClient, clock: time_machine.Traveller, age: int, expected: list[str]
) -> None:
    """ASVS 6.3.5: under a new name and address, for 180 days."""
    clock.shift(age)
    move(laptop, SAFARI, TRAIN)
    sign_in_again(laptop)
    assert mailbox.to(people.EMAIL) == expected


def test_after_a_change_of_password_only_the_browser_that_made_it_is_no_news(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient, clock: time_machine.Traveller
) -> None:
    """ASVS 6.3.5: or who knew the old one and guesses the new one is in without a word."""
    old = client(app)
    sign_in_by_form(old)
    clock.shift(MINUTE)
    form = {"current_password": people.PASSWORD, "new_password": NEW_PASSWORD}
    assert submit(laptop, "/account/security/password", form, form="/account/security").status_code == 303
    assert mailbox.to(people.EMAIL) == ["Your password was changed"]
    for http, expected in ((laptop, []), (old, [NEW_DEVICE])):
        move(http, SAFARI, TRAIN if http is laptop else HOME)
        http.delete_cookie("refresh_token")
        assert sign_in_by_form(http, password=NEW_PASSWORD).status_code == 303
        assert mailbox.to(people.EMAIL) == expected


def test_a_sign_in_to_an_account_that_was_not_used_for_long_is_news(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient, clock: time_machine.Traveller
) -> None:
    """ASVS 6.3.5: though the log and the list of sessions know of no other any more."""
    clock.shift(366 * DAY)
    assert run(app, "events", "purge", "--older-than", "365").exit_code == 0
    assert run(app, "sessions", "purge").exit_code == 0
    people.sign_in(client(app, SAFARI, TRAIN))
    assert mailbox.to(people.EMAIL) == [NEW_DEVICE]


def test_the_cookie_of_another_account_makes_no_browser_known(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient
) -> None:
    """ASVS 6.3.5: until it has signed in to this one too; then it is known to both."""
    people.create_user(app, OTHER)
    shared = client(app, SAFARI, TRAIN)
    for email, expected in ((OTHER, []), (people.EMAIL, [NEW_DEVICE]), (people.EMAIL, []), (OTHER, [])):
        move(shared, f"Browser of {email}", f"198.51.100.{len(expected)}")
        sign_in_again(shared, email)
        assert mailbox.to(email) == expected


def test_a_program_is_known_by_name_and_address_together(app: Flask, mailbox: Mailbox) -> None:
    """ASVS 6.3.5: it keeps no cookie."""
    for place, news in (((FIREFOX, HOME), 0), ((FIREFOX, HOME), 0), ((SAFARI, HOME), 1), ((FIREFOX, TRAIN), 1)):
        http = client(app, *place)
        people.sign_in(http)
        assert (http.get_cookie("known_device"), mailbox.to(people.EMAIL)) == (None, [NEW_DEVICE] * news)


# --- stolen tokens ---------------------------------------------------------------------------------------


def test_a_token_that_is_used_again_is_mailed_once_however_often_it_comes(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """R16, ASVS 6.3.5: a retry within the leeway is no theft."""
    session = people.sign_in(client(app))
    second = steps.successor(steps.refresh(session.http, session.refresh or ""))
    third = steps.successor(steps.refresh(session.http, second))
    assert steps.refresh(session.http, session.refresh or "").status_code == 200
    assert mailbox.deliver() == []
    clock.shift(HOUR)
    thief = app.test_client()
    assert_refused(steps.refresh(thief, session.refresh or ""), "token_reused")
    for token in (session.refresh or "", second, third) * 2:
        assert steps.refresh(thief, token).status_code == 401
    (mail,) = mailbox.deliver()
    assert (mail["To"], mail["Subject"]) == (people.EMAIL, TOKEN_REUSED)
    assert f"(Firefox on Linux, network address {HOME}) was used again" in " ".join(text(mail).split())
    assert len(events(app, "refresh_reuse")) == 1


def test_what_a_first_sign_in_costs_does_not_depend_on_how_often_others_sign_in(app: Flask, user_id: int) -> None:
    """As much work of the database with three thousand events of others as without."""

    def work_of_sign_in(email: str) -> int:
        people.create_user(app, email)
        with app.app_context(), plans.watch(db.engine) as statements:
            people.sign_in(client(app), email=email)
        with app.app_context(), db.engine.connect() as connection:
            return sum(plans.work_of(connection, statement) for statement in statements)

    before = work_of_sign_in("first@test.com")
    with app.app_context():
        db.session.add_all(AuditEvent(at=utc_now(), kind="sign_in", user_id=user_id) for _ in range(3000))
        db.session.commit()
    assert work_of_sign_in("second@test.com") < before + 1000
