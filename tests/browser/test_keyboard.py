"""Everything that a mouse can do, the Tab, Enter and Space keys can do, and one sees where one is."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.keyboard import tab_to
from tests.browser.site import Person, Site, enter


def test_signing_in_needs_no_mouse(page: Page, person: Person) -> None:
    page.goto("/login")
    tab_to(page, page.get_by_role("link", name="Skip to main content"))
    page.keyboard.press("Enter")
    assert tab_to(page, page.get_by_label("Email address")) == 1
    page.keyboard.type(person.email)
    assert tab_to(page, page.get_by_label("Password", exact=True)) == 1
    page.keyboard.type(person.password)
    assert tab_to(page, page.get_by_role("button", name="Show password")) == 1
    page.keyboard.press("Space")
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")
    assert tab_to(page, page.get_by_label("Keep me signed in on this device")) == 1
    page.keyboard.press("Space")
    expect(page.get_by_label("Keep me signed in on this device")).not_to_be_checked()
    assert tab_to(page, page.get_by_role("button", name="Sign in", exact=True)) == 1
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/account$"))


def test_enter_in_a_field_signs_in(page: Page, person: Person) -> None:
    page.goto("/login")
    page.get_by_label("Email address").fill(person.email)
    page.get_by_label("Password", exact=True).fill(person.password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/account$"))


def test_another_device_is_found_and_signed_out_without_a_mouse(
    page: Page, browse: Callable[..., BrowserContext], person: Person, site: Site
) -> None:
    enter(page.context, site.url, person)
    enter(browse(), site.url, person)
    page.goto("/account")
    tab_to(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Devices"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    other = page.get_by_role("listitem").filter(has=page.locator("h2")).filter(has_not_text="This device")
    tab_to(page, other.get_by_role("button", name=re.compile("^Sign out .+ on .+, last seen")))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="That device is signed out.")).to_be_visible()
    expect(page.get_by_text("You are signed in nowhere else.")).to_be_visible()


def test_the_live_token_page_works_by_keyboard(page: Page, person: Person, site: Site) -> None:
    enter(page.context, site.url, person)
    page.goto("/account/tokens")
    call = page.get_by_role("button", name="Call the API")
    expect(call).to_be_enabled()
    tab_to(page, call)
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("sent GET /api/me → 200")


def test_a_colour_theme_is_chosen_by_keyboard_and_kept(page: Page) -> None:
    page.goto("/")
    tab_to(page, page.get_by_role("button", name=re.compile("Colour theme: system")))
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name=re.compile("Colour theme: dark"))).to_be_visible()
