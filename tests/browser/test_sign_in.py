"""Signing in and out on the pages, with JavaScript and without it."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.site import Person, Site, enter, fill_in, refresh_cookie, submit
from tests.browser.watch import Watch

ON_LOGIN = re.compile(r"/login(\?|$)")
WITH_AND_WITHOUT_JS = pytest.mark.parametrize("has_js", [True, False], ids=["js", "no-js"])


@pytest.fixture
def visitor(browse: Callable[..., BrowserContext], site: Site, has_js: bool) -> Page:
    return browse(site.url, java_script_enabled=has_js).new_page()


@WITH_AND_WITHOUT_JS
def test_a_wrong_password_shows_what_is_wrong_and_keeps_the_address_only(
    visitor: Page, person: Person, watch: Watch, has_js: bool
) -> None:
    watch.allow_status(422, "/login")
    visitor.goto("/login")
    fill_in(visitor, person, password="not the password")
    submit(visitor)
    summary = visitor.get_by_role("alert")
    expect(summary).to_contain_text("There is a problem")
    expect(summary).to_contain_text("Email or password is incorrect")
    expect(visitor).to_have_title(re.compile("^Error: Sign in"))
    expect(visitor.get_by_label("Email address")).to_have_value(person.email)
    expect(visitor.get_by_label("Password", exact=True)).to_have_value("")
    if has_js:
        expect(summary).to_be_focused()


@WITH_AND_WITHOUT_JS
def test_an_empty_form_names_both_fields_and_links_to_them(visitor: Page, watch: Watch, has_js: bool) -> None:
    watch.allow_status(422, "/login")
    visitor.goto("/login")
    submit(visitor)
    for name, message in (("Email address", "Enter your email address."), ("Password", "Enter your password.")):
        field = visitor.get_by_label(name, exact=True)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile(re.escape(message)))
        if has_js:
            visitor.get_by_role("alert").get_by_role("link", name=message).click()
            expect(field).to_be_focused()


@WITH_AND_WITHOUT_JS
def test_the_right_password_leads_where_the_visitor_was_going(visitor: Page, person: Person, has_js: bool) -> None:
    visitor.goto("/account/sessions")
    expect(visitor).to_have_url(re.compile(r"/login\?next=(/|%2F)account(/|%2F)sessions$"))
    expect(visitor.get_by_role("status").filter(has_text="Sign in to go on.")).to_be_visible()
    fill_in(visitor, person)
    submit(visitor)
    expect(visitor).to_have_url(re.compile("/account/sessions$"))
    expect(visitor.get_by_role("heading", name="Devices")).to_be_visible()


@WITH_AND_WITHOUT_JS
def test_signing_out_by_the_header_ends_the_sign_in(visitor: Page, person: Person, site: Site, has_js: bool) -> None:
    enter(visitor.context, site.url, person)
    visitor.goto("/account")
    visitor.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect(visitor).to_have_url(ON_LOGIN)
    expect(visitor.get_by_text("You are signed out.")).to_be_visible()
    assert refresh_cookie(visitor.context) is None
    visitor.goto("/account")
    expect(visitor).to_have_url(ON_LOGIN)


def test_after_signing_out_the_back_button_does_not_bring_the_account_back(
    page: Page, person: Person, site: Site
) -> None:
    enter(page.context, site.url, person)
    page.goto("/account")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(ON_LOGIN)
    page.go_back()
    expect(page).to_have_url(ON_LOGIN)
    expect(page.get_by_text(person.email)).to_have_count(0)


def test_the_password_can_be_shown_while_it_is_typed_and_is_hidden_again_when_it_is_sent(
    page: Page, person: Person, watch: Watch
) -> None:
    watch.allow_status(422, "/login")
    page.goto("/login")
    password = page.get_by_label("Password", exact=True)
    fill_in(page, person, password="not the password")
    page.get_by_role("button", name="Show password").click()
    expect(password).to_have_attribute("type", "text")
    expect(page.get_by_text("Your password is shown")).to_be_attached()
    page.get_by_role("button", name="Hide password").click()
    expect(password).to_have_attribute("type", "password")
    page.get_by_role("button", name="Show password").click()
    # What the browser sees of the form as it goes out: the type, at the moment of the submission.
    page.evaluate(
        """() => document.querySelector("main form").addEventListener("submit", (event) => {
            event.preventDefault();
            document.title = event.target.elements.password.type;
        })"""
    )
    submit(page)
    expect(page).to_have_title("password")


@pytest.mark.parametrize("has_js", [False], ids=["no-js"])
def test_without_javascript_there_is_no_button_that_does_nothing(visitor: Page) -> None:
    visitor.goto("/login")
    expect(visitor.get_by_role("button", name="Show password")).to_be_hidden()
    expect(visitor.get_by_role("button", name=re.compile("Colour theme"))).to_be_hidden()


@WITH_AND_WITHOUT_JS
def test_the_cookie_ends_with_the_browser_unless_the_visitor_stays_signed_in(
    visitor: Page, person: Person, has_js: bool
) -> None:
    for is_kept in (False, True):
        visitor.context.clear_cookies()
        visitor.goto("/login")
        fill_in(visitor, person)
        visitor.get_by_label("Keep me signed in on this device").set_checked(is_kept)
        submit(visitor)
        expect(visitor).to_have_url(re.compile("/account$"))
        cookie = refresh_cookie(visitor.context)
        assert cookie is not None
        days = (cookie["expires"] - time.time()) / 86_400
        assert (29.9 < days < 30.1) if is_kept else cookie["expires"] == -1


@WITH_AND_WITHOUT_JS
def test_names_are_saved_and_kept(visitor: Page, person: Person, site: Site, has_js: bool) -> None:
    enter(visitor.context, site.url, person)
    visitor.goto("/account")
    visitor.get_by_label("First name").fill("Zoë")
    visitor.get_by_role("button", name="Save name").click()
    expect(visitor.get_by_role("status").filter(has_text="Your name is saved.")).to_be_visible()
    visitor.reload()
    expect(visitor.get_by_label("First name")).to_have_value("Zoë")
