"""Whoever cannot go on is told how: with the right keyboard, the right link, and what was asked for still in hand."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support import forge, people
from tests.support.command_line import run
from tests.support.mailbox import Mailbox
from tests.support.recovery import NEW_PASSWORD, forgot
from tests.support.registration import NEW, PASSPHRASE, register
from tests.support.second_factor import Phone
from tests.support.steps import HOUR, attribute, csrf_token, login, sign_in_by_form, submit
from tests.support.sudo import confirm
from webapp import administrators, sessions
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db
from webapp.devices import MOST_LISTED
from webapp.web.context import settings
from webapp.web.redirects import PAGE_OF_DOWNLOAD

DISPOSITION = "Content-Disposition"

pytestmark = pytest.mark.usefixtures("clock")


def test_filters_of_a_list_outlive_the_password_that_is_asked_for(
    desk: FlaskClient, clock: time_machine.Traveller
) -> None:
    """Else a download of a few would become one of everybody."""
    clock.shift(HOUR)
    asked = desk.get("/admin/users.csv?q=person&state=locked")
    assert unquote(asked.location) == "/account/confirm?next=/admin/users?q=person&state=locked"
    csrf = csrf_token(desk.get("/account/confirm"))
    where = {"Referer": "http://localhost/admin/sessions?user=1", "Sec-Fetch-Site": "same-origin"}
    asked = desk.post("/admin/sessions/end", data={"csrf_token": csrf}, headers=where)
    assert unquote(asked.location) == "/account/confirm?next=/admin/sessions?user=1"


def test_ticks_outlive_the_password_that_is_asked_for(
    app: Flask, desk: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    """Once, and not for who gives none: nobody ends what they have forgotten."""
    sids = [forge.read(people.sign_in(app.test_client()).access)["sid"] for _ in range(3)]
    clock.shift(HOUR)

    def tick(*sids: str) -> str:
        data = {"csrf_token": csrf_token(desk.get("/account")), "sid": [*sids, "x" * 5000], "next": "/admin/sessions"}
        where = {"Referer": "http://localhost/admin/sessions", "Sec-Fetch-Site": "same-origin"}
        return desk.post("/admin/sessions/end", data=data, headers=where).location

    def ticked() -> set[str]:
        tags = re.findall(r'<input type="checkbox"[^>]*>', desk.get("/admin/sessions").text)
        return {attribute(tag, "value") for tag in tags if "checked" in tag.split()}

    tick(sids[0])
    assert ticked() == set()
    assert confirm(desk, tick(*sids[:2])).location == "/admin/sessions"
    assert ticked() == set(sids[:2])
    assert ticked() == set()


@pytest.mark.parametrize(
    ("download", "page"),
    [
        ("/admin/users.csv?q=a%26b", "/admin/users?q=a%26b"),
        ("/admin/sessions.csv?ip=::1", "/admin/sessions?ip=::1"),
        ("/admin/events.csv", "/admin/events"),
        ("/account/data", "/account/security"),
    ],
)
def test_a_download_that_asks_for_the_password_leads_to_the_page_with_its_link(
    desk: FlaskClient, clock: time_machine.Traveller, download: str, page: str
) -> None:
    """A download would leave the page with the password field on the screen, as if nothing had come of it."""
    clock.shift(HOUR)
    back = confirm(desk, desk.get(download).location)
    assert (back.status_code, back.location) == (303, page)
    shown = desk.get(back.location).text
    assert "Now go on with what you were about to do." in shown
    assert f'href="{download}"' in shown
    assert "attachment" in desk.get(download).headers[DISPOSITION]


def test_a_download_that_asks_for_a_sign_in_leads_to_the_page_with_its_link(app: Flask, user_id: int) -> None:
    assert app.test_client().get("/account/data").location == "/login?next=/account/security"
    asked = app.test_client().get("/admin/users.csv?q=person&state=locked")
    assert unquote(asked.location) == "/login?next=/admin/users?q=person&state=locked"


def test_every_download_has_a_page(app: Flask, desk: FlaskClient) -> None:
    plain = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments]
    downloads = {rule.endpoint for rule in plain if "attachment" in desk.get(rule.rule).headers.get(DISPOSITION, "")}
    assert downloads == set(PAGE_OF_DOWNLOAD)


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


@pytest.mark.parametrize(
    ("sent_to", "page"),
    [("/account/security/password", "/account/security"), ("/account", "/account"), ("/account/resend", "/account")],
)
def test_a_form_whose_session_is_over_leads_back_to_its_page(app: Flask, user_id: int, sent_to: str, page: str) -> None:
    browser = app.test_client()
    sign_in_by_form(browser)
    csrf = csrf_token(browser.get(page))
    run(app, "sessions", "revoke", "--all")
    assert unquote(browser.post(sent_to, data={"csrf_token": csrf}).location) == f"/login?next={page}"


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


def test_the_development_inbox_names_instants_in_utc(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    app = make_app(app_env="development", mail_url=f"file://{tmp_path}/mail")
    register(app)
    Mailbox(app, tmp_path / "mail").deliver()
    page = app.test_client().get("/dev/mail").text
    written = page.partition('<time datetime="')[2].partition('"')[0]
    assert datetime.fromisoformat(written).tzinfo == UTC


def test_a_device_list_that_is_cut_says_so(app: Flask, user_id: int) -> None:
    browser = app.test_client()
    sign_in_by_form(browser)
    assert "Everywhere you are signed in." in browser.get("/account/sessions").text
    with app.app_context():
        for _ in range(MOST_LISTED):
            one = {"user_id": user_id, "transport": "body", "remember": True, "client": COMMAND_LINE, "now": utc_now()}
            sessions.open_session(db.session, settings(), **one)
    page = browser.get("/account/sessions").text
    assert f"The {MOST_LISTED} that were used last." in page
    assert "Everywhere" not in page


def test_a_password_that_is_too_short_is_not_praised(app: Flask, user_id: int) -> None:
    browser = app.test_client()
    csrf = csrf_token(browser.get("/register"))
    for password, is_short in (("kQ9$xz7", True), ("kQ9$xz7vT2pLw", False)):
        said = browser.post("/password-strength", data={"csrf_token": csrf, "password": password}).json
        assert (said["reason"] == "Use at least 8 characters.") is is_short
        assert (said["score"] < 2) is is_short
