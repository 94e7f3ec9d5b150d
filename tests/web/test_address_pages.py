"""What pages say of an address that was asked for, mailed to or confirmed: to which one, and what to do next."""

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.desk import perform
from tests.support.mailbox import Mailbox
from tests.support.recovery import OTHER, ask_to_move, confirm
from tests.support.registration import NEW, PASSPHRASE, register
from tests.support.steps import HOUR, sign_in_by_form, submit, words
from webapp import one_time_tokens
from webapp.clock import utc_now
from webapp.database import db

pytestmark = pytest.mark.usefixtures("clock", "user_id")

SECURITY = "/account/security"
PENDING = f"A link was sent to {OTHER}. Until it is opened, your old address stays."


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """A browser in which John Doe is signed in."""
    http = app.test_client()
    sign_in_by_form(http)
    return http


def ask(browser: FlaskClient, email: str = OTHER) -> str:
    """Ask for another address on the page; return what the page then says."""
    form = {"email": email, "password": people.PASSWORD}
    assert submit(browser, "/account/security/email", form, form=SECURITY).status_code == 303
    return words(browser.get(SECURITY))


# --- Security --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_taken", [False, True])
def test_security_names_the_address_that_was_asked_for_whether_or_not_it_has_an_account(
    app: Flask, browser: FlaskClient, clock: time_machine.Traveller, is_taken: bool
) -> None:
    """A03: or the page would tell what no answer tells; for as long as a link works."""
    if is_taken:
        people.create_user(app, OTHER)
    said = ask(browser)
    assert f"We have sent a link to {OTHER}. Until it is opened, your old address stays." in said
    assert PENDING in said
    again = words(browser.get(SECURITY))
    assert ("We have sent a link" in again, PENDING in again) == (False, True)
    clock.shift(HOUR - 1)
    assert PENDING in words(browser.get(SECURITY))
    clock.shift(1)
    assert PENDING not in words(browser.get(SECURITY))


@pytest.mark.parametrize("what", ["confirmed", "another password", "asked for another", "its session put out"])
def test_an_address_that_is_not_waited_for_any_more_is_not_named(
    app: Flask, browser: FlaskClient, mailbox: Mailbox, what: str
) -> None:
    ask(browser)
    if what == "confirmed":
        assert confirm(app, mailbox.token("verify", OTHER)) == (204, "")
    elif what == "another password":
        new = {"current_password": people.PASSWORD, "new_password": "seven quiet hedges"}
        assert submit(browser, "/account/security/password", new, form=SECURITY).status_code == 303
    elif what == "its session put out":
        owner = people.sign_in(app.test_client())
        assert owner.http.delete("/api/sessions", headers=owner.bearer).status_code == 204
        sign_in_by_form(browser)
    else:
        assert "A link was sent to another@example.com." in ask(browser, "another@example.com")
    assert PENDING not in words(browser.get(SECURITY))


def test_an_account_that_is_active_again_waits_for_nothing_from_before(
    app: Flask, browser: FlaskClient, desk: FlaskClient, user_id: int
) -> None:
    """V06: the link is dead."""
    ask(browser)
    for act in ("deactivate", "activate"):
        assert perform(desk, user_id, act).status_code == 303
    later = app.test_client()
    sign_in_by_form(later)
    assert PENDING not in words(later.get(SECURITY))


def test_who_asks_for_an_address_that_has_had_its_mails_is_told_so(browser: FlaskClient, mailbox: Mailbox) -> None:
    """P07: the last link goes on working, and stays named."""
    for _ in range(5):
        assert "We have sent a link" in ask(browser)
    said = ask(browser)
    assert "That address was sent five such mails in a day, and gets one an hour now." in said
    assert ("We have sent a link" in said, PENDING in said) == (False, True)
    assert submit(browser, f"/verify/{mailbox.token('verify', OTHER)}").location == "/account"
    said = words(browser.get("/account"))
    assert f"Your address is changed: sign in with the new one from now on. Account {OTHER}" in said


# --- the link --------------------------------------------------------------------------------------------


def test_the_link_of_a_change_promises_no_password_that_would_confirm_it(app: Flask, mailbox: Mailbox) -> None:
    """The new address belongs to no account yet: a new password is had by the old one, and ends the change."""
    register(app)
    sign_up = words(app.test_client().get(f"/verify/{mailbox.token('verify', NEW)}"))
    assert "Set a new one; that confirms the address too." in sign_up
    ask_to_move(people.sign_in(app.test_client()))
    moving = words(app.test_client().get(f"/verify/{mailbox.token('verify', OTHER)}"))
    assert "Set a new one with your old address, then change the address again." in moving
    assert "confirms the address too" not in moving


def next_step(browser: FlaskClient, link: str) -> tuple[str, str]:
    """Return what the page of a link that does not work leads to, and by which words."""
    page = browser.get(link)
    assert page.status_code == 400
    tag = page.text.partition('class="button button-primary" href="')[2]
    return tag.partition('"')[0], tag.partition(">")[2].partition("<")[0]


@pytest.mark.parametrize("is_purged", [False, True])
def test_a_dead_link_of_a_change_leads_to_where_it_is_asked_for_again(
    app: Flask, browser: FlaskClient, mailbox: Mailbox, clock: time_machine.Traveller, is_purged: bool
) -> None:
    """Or, when it is not known any more what it was for, to the account."""
    ask_to_move(people.sign_in(app.test_client()))
    link = f"/verify/{mailbox.token('verify', OTHER)}"
    clock.shift(HOUR)
    if is_purged:
        with app.app_context():
            one_time_tokens.purge(db.session, now=utc_now())
        expected = [("/account", "Look at your account"), ("/account", "Sign in to your account")]
    else:
        again = "change the address again"
        expected = [(SECURITY, f"Go to Security and {again}"), (SECURITY, f"Sign in and {again}")]
    assert [next_step(http, link) for http in (browser, app.test_client())] == expected


def test_a_link_of_a_change_that_was_used_offers_no_other(app: Flask, browser: FlaskClient, mailbox: Mailbox) -> None:
    ask_to_move(people.sign_in(app.test_client()))
    token = mailbox.token("verify", OTHER)
    assert confirm(app, token) == (204, "")
    steps = [next_step(http, f"/verify/{token}") for http in (browser, app.test_client())]
    assert steps == [("/account", "Look at your account"), ("/account", "Sign in to your account")]


def test_a_dead_link_of_a_sign_up_leads_to_a_new_one(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    register(app)
    link, newcomer = f"/verify/{mailbox.token('verify', NEW)}", app.test_client()
    sign_in_by_form(newcomer, email=NEW, password=PASSPHRASE)
    clock.shift(HOUR)
    steps = [next_step(http, link) for http in (newcomer, app.test_client())]
    assert steps == [("/account", "Have a new link sent"), ("/account", "Sign in and have a new link sent")]


# --- Check your mail -------------------------------------------------------------------------------------


@pytest.mark.parametrize("email", ["<b>Nobody</b>@example.com", people.EMAIL.upper(), "x" * 200 + "@example.com"])
def test_who_asks_for_a_new_password_sees_what_was_typed_and_no_more(app: Flask, email: str) -> None:
    """A03: once, in no address of a page, and nothing that the database knows."""
    http = app.test_client()
    led_to = submit(http, "/forgot", {"email": email}).location
    assert "@" not in led_to
    assert f"If an account exists for {email}, we have sent a link." in words(http.get(led_to))
    assert "If an account exists for this address, we have sent a link." in words(http.get(led_to))


def test_who_signs_up_sees_to_which_address_the_mail_goes(app: Flask) -> None:
    http = app.test_client()
    for email in (NEW, people.EMAIL):
        led_to = submit(http, "/register", {"email": email, "password": PASSPHRASE}).location
        assert f"We have sent a mail to {email}. Open the link in it to go on;" in words(http.get(led_to))
    assert "We have sent a mail to the address that you gave. Open" in words(app.test_client().get(led_to))
