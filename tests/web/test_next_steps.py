"""Whoever cannot go on is told how: with the right keyboard, the right words, and the right link."""

from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.recovery import NEW_PASSWORD, forgot
from tests.support.registration import NEW, PASSPHRASE, register
from tests.support.second_factor import Phone
from tests.support.steps import HOUR, csrf_token, login, sign_in_by_form, submit
from webapp import administrators
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db

pytestmark = pytest.mark.usefixtures("clock")


def test_a_recovery_code_can_be_typed_on_a_phone(app: Flask, phone: Phone) -> None:
    """A keyboard of digits has no letters; also after a wrong one."""
    browser = app.test_client()
    sign_in_by_form(browser)
    page = browser.get("/login/code")
    assert 'inputmode="numeric"' in page.text
    assert 'href="/login/code?recovery=1"' in page.text
    for page in (browser.get("/login/code?recovery=1"), submit(browser, "/login/code?recovery=1", {"code": "AAAA"})):
        assert 'inputmode="text"' in page.text
        assert 'action="/login/code?recovery=1"' in page.text
    assert submit(browser, "/login/code?recovery=1", {"code": phone.codes[0]}).location == "/account"


def test_who_is_deactivated_is_not_sent_to_sign_in(app: Flask, user_id: int) -> None:
    browser = app.test_client()
    sign_in_by_form(browser)
    with app.app_context():
        administrators.deactivate(db.session, user_id=user_id, actor_id=None, client=COMMAND_LINE, now=utc_now())
    browser.get("/account")
    words = browser.get("/login").text
    assert "An administrator can activate it again." in words
    assert "Sign in to go on" not in words


def test_who_asks_for_the_link_again_learns_whether_it_was_sent(app: Flask, mailbox: Mailbox) -> None:
    """P07: five in a day, the first one of signing up."""
    register(app)
    token, browser = mailbox.token("verify"), app.test_client()
    sign_in_by_form(browser, email=NEW, password=PASSPHRASE)

    def told() -> str:
        submit(browser, "/account/resend", form="/account")
        return browser.get("/account").text

    for _ in range(4):
        assert "We have sent the link to your address once more." in told()
        token = mailbox.token("verify")
    assert "An address gets five such mails a day, and then one an hour." in told()
    assert mailbox.deliver() == []
    submit(browser, f"/verify/{token}")
    assert "Your address is confirmed already." in told()


def test_a_program_that_asks_for_the_link_again_is_told_nothing_that_may_be_untrue(
    app: Flask, mailbox: Mailbox
) -> None:
    """P07: it is sent, or the mails of the day are used up, or the address is confirmed."""
    register(app)
    session, said, mails = people.sign_in(app.test_client(), email=NEW, password=PASSPHRASE), set(), []
    token = mailbox.token("verify")

    def ask() -> None:
        said.add(session.http.post("/api/email/resend", headers=session.bearer).json["detail"])
        mails.append(len(mailbox.deliver()))

    for _ in range(5):
        ask()
    session.http.post("/api/email/verify", json={"token": token})
    ask()
    assert mails == [1, 1, 1, 1, 0, 0]
    assert said == {
        "We have sent the link once more, unless your address is confirmed, or was sent five such mails in 24 hours "
        "and the last one within the hour."
    }


def test_a_reset_link_that_ends_while_its_form_is_open_leads_to_a_new_one(
    app: Flask, user_id: int, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    forgot(app)
    browser, path = app.test_client(), f"/reset/{mailbox.token('reset')}"
    csrf = csrf_token(browser.get(path))
    clock.shift(2 * HOUR)
    late = browser.post(path, data={"csrf_token": csrf, "password": NEW_PASSWORD})
    assert late.status_code == 400
    assert 'href="/forgot"' in late.text


@pytest.mark.parametrize("path", ["/login", "/account/confirm", "/verify/"])
def test_too_many_wrong_passwords_lead_to_a_new_one(
    make_app: Callable[..., Flask], tmp_path: Path, clock: time_machine.Traveller, path: str
) -> None:
    """At the link of a mail, which is as good as before, too: somebody else may have chosen the password."""
    app = make_app(ratelimit_enabled=True, mail_url=f"file://{tmp_path}/mail")
    people.create_user(app)
    browser = app.test_client()
    if path == "/account/confirm":
        sign_in_by_form(browser)
        clock.shift(HOUR)
    elif path == "/verify/":
        register(app)
        path += Mailbox(app, tmp_path / "mail").token("verify")
    wrong = {"email": "nobody@test.com", "password": "wrong"}
    refused = [submit(browser, path, wrong) for _ in range(11)][-1]
    assert refused.status_code == 429
    assert 'href="/forgot">Set a new password instead' in refused.text
    assert "new link" not in refused.text


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("totp/remove", {"password": "wrong"}),
        ("password", {"current_password": "wrong", "new_password": PASSPHRASE}),
        ("email", {"email": "john@test.com", "password": "wrong"}),
    ],
)
def test_too_many_wrong_passwords_on_the_page_about_security_lead_back_there(
    make_app: Callable[..., Flask], form: str, fields: dict[str, str]
) -> None:
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    browser = app.test_client()
    sign_in_by_form(browser)
    sent = {"csrf_token": csrf_token(browser.get("/account/security")), **fields}
    refused = [browser.post(f"/account/security/{form}", data=sent) for _ in range(11)][-1]
    assert refused.status_code == 429
    assert 'href="/account/security">Back to Security' in refused.text


def test_a_used_link_offers_no_other_to_who_needs_none(app: Flask, mailbox: Mailbox) -> None:
    register(app)
    path, browser = f"/verify/{mailbox.token('verify')}", app.test_client()
    submit(browser, path, {"password": PASSPHRASE})
    again = browser.get(path)
    assert (again.status_code, "Look at your account" in again.text) == (400, True)
    assert "new link" not in again.text
    assert login(app, email=NEW, password=PASSPHRASE) == 200
