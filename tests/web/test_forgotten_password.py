"""A forgotten password: who is mailed a link to set another, how often, and whom the answer tells nothing."""

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.mailbox import Mailbox, text
from tests.support.recovery import forgot, reset
from tests.support.steps import HOUR, events, submit

pytestmark = pytest.mark.usefixtures("clock", "user_id")


def test_five_resets_a_day_are_mailed_and_the_answer_never_tells(app: Flask, mailbox: Mailbox) -> None:
    """P07."""
    for number in range(7):
        assert forgot(app) == 202
        assert len(mailbox.deliver()) == (1 if number < 5 else 0)


def test_who_asks_in_the_owners_name_does_not_keep_the_owner_from_a_link_that_works(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """P07, A13: when the last link is too old there is another, and no more than that, for more than a day."""
    for _ in range(5):
        forgot(app)
    assert len(mailbox.deliver()) == 5
    sent = []
    for _ in range(26 * 2):
        clock.shift(HOUR // 2)
        assert forgot(app) == 202
        sent.append(len(mailbox.deliver()))
    assert sent == [0, 1] * 26
    clock.shift(HOUR - 1)
    forgot(app)
    assert mailbox.deliver() == []
    clock.shift(1)
    forgot(app)
    token = mailbox.token("reset", people.EMAIL)
    clock.shift(HOUR - 1)
    forgot(app)
    assert reset(app, token) == (204, "")


def test_an_unknown_address_is_counted_as_a_known_one_is(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """A02, P07: so that the same is done for both, request by request."""
    for _ in range(7):
        for email in (people.EMAIL, "nobody@test.com"):
            assert forgot(app, email) == 202
    clock.shift(HOUR)
    for email in (people.EMAIL, "nobody@test.com"):
        forgot(app, email)
    written = sorted(events(app, "reset_requested"), key=lambda event: event.id)
    counted = [event.account_key is not None for event in written]
    assert counted[::2] == counted[1::2] == [True] * 5 + [False] * 2 + [True]


def test_what_is_no_address_is_not_kept(app: Flask, mailbox: Mailbox) -> None:
    """It may be a password, typed into the wrong field."""
    for _ in range(7):
        assert forgot(app, "Correct-Horse-9!") == 202
    assert [event.account_key for event in events(app, "reset_requested")] == [None] * 7
    assert forgot(app) == 202
    assert len(mailbox.deliver()) == 1


@pytest.mark.parametrize("typed", ["TEST@test.com", " test@TEST.com ", "test@test.com"])
def test_the_mail_goes_to_the_address_that_is_stored(app: Flask, mailbox: Mailbox, typed: str) -> None:
    """P04."""
    forgot(app, typed)
    assert [mail["To"] for mail in mailbox.deliver()] == [people.EMAIL]


def test_an_address_that_only_looks_alike_gets_no_mail(app: Flask, mailbox: Mailbox) -> None:
    """P04: K-sign and dotless i fold to letters of a stored address in some comparisons."""
    people.create_user(app, "quack@test.com")
    for typed in ("quac\u212a@test.com", "quack@test.com.", "quack@te\u017ft.com", "nobody@test.com"):
        assert forgot(app, typed) == 202
    assert {mail["To"] for mail in mailbox.deliver()} <= {"quack@test.com"}


def test_links_are_built_from_our_own_address(app: Flask, mailbox: Mailbox) -> None:
    """P03: a foreign Host is refused, other headers say nothing."""
    assert forgot(app, Host="evil.example") == 400
    for name in ("X-Forwarded-Host", "X-Forwarded-Server", "Forwarded", "X-Host", "X-Original-URL"):
        assert forgot(app, **{name: "evil.example"}) == 202
    for mail in mailbox.deliver():
        assert "http://localhost:8000/reset/" in text(mail)
        assert "evil" not in str(mail)


def test_the_form_asks_for_an_address_and_says_the_same_whatever_it_is(app: Flask, mailbox: Mailbox) -> None:
    """A03, P07."""
    places = []
    for email in (people.EMAIL, "nobody@test.com"):
        reply = submit(app.test_client(), "/forgot", {"email": email})
        places.append((reply.status_code, reply.headers["Location"]))
    assert places == [(303, "/check-your-mail?about=password")] * 2
    assert submit(app.test_client(), "/forgot", {"email": ""}).status_code == 422
