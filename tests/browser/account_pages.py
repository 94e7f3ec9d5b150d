"""The pages by which an account is made, proved, protected and left: steps on them, and the guest who takes them."""

import re
from dataclasses import dataclass

import pyotp
import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import delete

from tests.browser.site import Person, Site, fill_in, submit
from tests.browser.watch import Watch
from webapp import mfa_setup, one_time_tokens, sessions
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import AuthSession, User
from webapp.one_time_tokens import Purpose
from webapp.web.context import settings

NEW_PASSWORD = "lantern orbit gravel mitten"
SHORT = "short"  # a password that the policy refuses
WITH_AND_WITHOUT_JS = pytest.mark.parametrize("has_js", [True, False], ids=["js", "no-js"], indirect=True)
ON_ACCOUNT = re.compile(r"^\w+://[^/]+/account$")
ON_SECURITY = re.compile(r"^\w+://[^/]+/account/security$")
ON_DEVICES = re.compile(r"^\w+://[^/]+/account/sessions$")
ON_CODE = re.compile(r"/login/code$")
Phone = tuple[pyotp.TOTP, list[str]]  # and the recovery codes


def turn_on_second_factor(app: Flask, person: Person) -> Phone:
    """Return the person's phone, whose present code is unused, and their recovery codes."""
    with app.app_context():
        user_id, now = user_id_of(person), utc_now()
        who = {"user_id": user_id, "client": COMMAND_LINE, "now": now}
        opened = sessions.open_session(db.session, settings(), transport="body", remember=False, **who)
        begun = mfa_setup.begin(db.session, settings(), user_id=user_id, sid=opened.session.sid, now=now)
        phone = pyotp.TOTP(begun.secret)
        code = phone.at(int(now.timestamp()), counter_offset=-1)
        codes = mfa_setup.confirm(db.session, settings(), sid=opened.session.sid, code=code, **who)
        db.session.execute(delete(AuthSession).where(AuthSession.id == opened.session.sid))  # no device in the list
        db.session.commit()
        return phone, codes


def user_id_of(person: Person) -> int:
    return int(db.session.scalars(db.select(User.id).where(User.email == person.email)).one())


def sign_up(page: Page, email: str) -> None:
    page.goto("/register")
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Last name").fill("Byron")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1, name="Check your mail")).to_be_visible()


def ask_for_link(page: Page, email: str) -> None:
    page.goto("/forgot")
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_text(f"If an account exists for {email}, we have sent a link.")).to_be_visible()


def set_new_password(page: Page) -> None:
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("status").filter(has_text="Your new password is set")).to_be_visible()


@dataclass
class Guest:
    """A page, and whose it is."""

    page: Page
    person: Person
    site: Site
    watch: Watch

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def enter(self) -> None:
        login = {"email": self.person.email, "password": self.person.password, "transport": "cookie"}
        assert self.context.request.post("/api/login", data=login).ok

    def link(self, kind: str, purpose: Purpose) -> str:
        """Return the path of a link that a mail to the person would hold."""
        with self.site.app.app_context():
            token = one_time_tokens.issue(
                db.session, purpose, user_id=user_id_of(self.person), email=self.person.email, now=utc_now()
            )
            db.session.commit()
        return f"/{kind}/{token}"

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def press(self, name: str) -> None:
        self.page.get_by_role("main").get_by_role("button", name=name, exact=True).click()

    def press_in_vain(self, name: str, path: str) -> None:
        """Send a form that is refused, and wait for what is said about it."""
        self.watch.allow_status(422, path)
        self.press(name)
        expect(self.page.get_by_role("alert").filter(has_text="There is a problem")).to_be_focused()

    def open_dead_link(self, kind: str) -> None:
        self.watch.allow(rf"Failed to load resource: .* status of 4\d\d .*/{kind}/nothing")
        self.page.goto(f"/{kind}/nothing")


def expect_heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1, name=name, exact=True)).to_be_visible()


def expect_dead_link(page: Page, link: str, watch: Watch) -> None:
    watch.allow(rf"Failed to load resource: .* status of 4\d\d .*at {re.escape(link)}")
    reply = page.goto(link)
    assert reply is not None
    assert reply.status in (400, 404, 410), reply.status
    expect(page.get_by_role("main").get_by_role("link").first).to_be_visible()
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)


def give_password(page: Page, person: Person, path: str = "/login") -> None:
    page.goto(path)
    fill_in(page, person)
    submit(page)
    expect(page).to_have_url(ON_CODE)


def give_code(page: Page, code: str) -> None:
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Go on").click()


def shown_codes(page: Page) -> list[str]:
    expect(page.get_by_role("heading", level=1, name="Your recovery codes")).to_be_visible()
    return page.locator("pre").inner_text().split()
