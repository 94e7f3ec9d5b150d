"""Signing in with a second factor by the pages, and turning it off; pyotp is the phone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.account_pages import ON_ACCOUNT, Phone, give_code, give_password, shown_codes
from tests.browser.mail_sink import MailedSite
from tests.browser.site import Person, fill_in, refresh_cookie, submit
from tests.browser.watch import Watch

pytestmark = pytest.mark.usefixtures("wrong_codes")


def test_a_code_leads_where_the_visitor_was_going_and_no_wrong_one_does(
    visitor: Page, person: Person, phone: Phone
) -> None:
    """P14: the password alone opens nothing; what was asked for before the code is kept over it."""
    give_password(visitor, person, "/account/sessions")
    assert refresh_cookie(visitor.context) is None
    totp, _ = phone
    present = totp.now()
    give_code(visitor, "000000" if present != "000000" else "000001")
    alert = visitor.get_by_role("alert")
    expect(alert).to_contain_text("There is a problem")
    expect(visitor.get_by_label("Code", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(alert).to_be_focused()
    assert refresh_cookie(visitor.context) is None
    give_code(visitor, f" {present[:3]} {present[3:]} ")
    expect(visitor).to_have_url(re.compile(r"^\w+://[^/]+/account/sessions$"))


def test_a_recovery_code_signs_in_once_and_new_ones_make_the_rest_worthless(
    visitor: Page, person: Person, phone: Phone, site: MailedSite
) -> None:
    """P13: and the use of one is told of by mail."""
    _, old = phone
    give_password(visitor, person)
    give_code(visitor, old[0].upper())
    expect(visitor).to_have_url(ON_ACCOUNT)
    site.mails.take(person.email, "A recovery code was used")
    visitor.goto("/account/security")
    expect(visitor.get_by_text("You have 9 recovery codes left.")).to_be_visible()
    cookies = visitor.context.cookies()
    visitor.context.clear_cookies()
    give_password(visitor, person)
    expect_refusal(visitor, old[0])
    visitor.context.add_cookies(cookies)  # type: ignore[arg-type]
    visitor.goto("/account/security")
    visitor.get_by_role("button", name="Make new recovery codes").click()
    new = shown_codes(visitor)
    assert len(new) == 10
    assert not set(new) & set(old)
    visitor.context.clear_cookies()
    give_password(visitor, person)
    expect_refusal(visitor, old[1])
    give_code(visitor, new[0])
    expect(visitor).to_have_url(ON_ACCOUNT)


def expect_refusal(page: Page, code: str) -> None:
    give_code(page, code)
    expect(page.get_by_role("alert")).to_be_visible()
    assert refresh_cookie(page.context) is None


def test_it_is_turned_off_with_the_password_and_asks_for_no_code_then(
    visitor: Page, person: Person, phone: Phone, site: MailedSite, watch: Watch
) -> None:
    """P12: a session alone does not take it away."""
    watch.allow_status(422, "/account/security/totp/remove")
    login = {"email": person.email, "password": person.password, "code": phone[0].now(), "transport": "cookie"}
    assert visitor.context.request.post("/api/login", data=login).ok
    visitor.goto("/account/security")
    visitor.get_by_role("link", name="Turn it off").click()
    for password in ("not the password", person.password):
        visitor.get_by_label("Password", exact=True).fill(password)
        visitor.get_by_role("button", name="Turn it off").click()
        if password != person.password:
            expect(visitor.get_by_role("alert").filter(has_text="There is a problem")).to_be_visible()
    expect(visitor.get_by_role("status").filter(has_text="Two-step sign-in is off.")).to_be_visible()
    site.mails.take(person.email, "Two-step sign-in is off")
    visitor.context.clear_cookies()
    visitor.goto("/login")
    fill_in(visitor, person)
    submit(visitor)
    expect(visitor).to_have_url(ON_ACCOUNT)
