"""axe finds nothing on any page, in both colour schemes, small and large; nothing scrolls sideways."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.looks import check_nothing_scrolls_sideways, found_by_axe, look_at
from tests.browser.site import FIREFOX, Person, Site, enter, fill_in, submit
from tests.browser.watch import Watch

Browse = Callable[..., BrowserContext]


def open_login_with_errors(page: Page, watch: Watch) -> None:
    watch.allow_status(422, "/login")
    page.goto("/login")
    submit(page)
    expect(page.get_by_role("alert")).to_be_focused()


def open_rejected_login(page: Page, watch: Watch) -> None:
    watch.allow_status(422, "/login")
    page.goto("/login")
    fill_in(page, Person("nobody@example.com"))
    submit(page)
    expect(page.get_by_role("alert")).to_be_focused()


def open_missing_page(page: Page, watch: Watch) -> None:
    watch.allow_status(404, "/no-such-page")
    page.goto("/no-such-page")


def open_tokens_with_log(page: Page, watch: Watch) -> None:
    watch.allow_status(401, "/api/me")
    page.goto("/account/tokens")
    page.get_by_role("button", name="Break the access token").click()
    page.get_by_role("button", name="Call the API").click()
    expect(page.get_by_role("log")).to_contain_text("401 healed")
    page.get_by_text("See a renewal sooner").click()


def open_ended_tokens(page: Page, watch: Watch) -> None:
    watch.allow_status(401, "/api/refresh")
    page.goto("/account/tokens")
    expect(page.get_by_role("button", name="Refresh now")).to_be_enabled()
    page.context.clear_cookies()
    page.get_by_role("button", name="Refresh now").click()
    expect(page.get_by_role("alert")).to_contain_text("You are signed out.")


def opener(path: str) -> Callable[[Page, Watch], object]:
    return lambda page, _: page.goto(path)


Opener = Callable[[Page, Watch], object]
PAGES: dict[str, tuple[bool, Opener]] = {
    # name: (is somebody signed in, how to get there)
    "/": (False, opener("/")),
    "/ signed in": (True, opener("/")),
    "/login": (False, opener("/login")),
    "/login sent there": (False, opener("/account")),
    "/login empty": (False, open_login_with_errors),
    "/login refused": (False, open_rejected_login),
    "/account": (True, opener("/account")),
    "/account/sessions": (True, opener("/account/sessions")),
    "/account/tokens": (True, open_tokens_with_log),
    "/account/tokens ended": (True, open_ended_tokens),
    "404": (False, open_missing_page),
}


def signed_in_twice(browse: Browse, site: Site, context: BrowserContext) -> None:
    person = site.new_person()
    enter(context, site.url, person)
    enter(browse(user_agent=FIREFOX), site.url, person)


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(browse: Browse, site: Site, watch: Watch, name: str) -> None:
    is_signed_in, open_page = PAGES[name]
    context = browse(site.url, reduced_motion="reduce")
    if is_signed_in:
        signed_in_twice(browse, site, context)
    page = context.new_page()
    open_page(page, watch)
    if name == "/account/sessions":
        expect(page.get_by_role("heading", name=re.compile(" on "))).to_have_count(2)
    assert look_at(page) == []
    check_nothing_scrolls_sideways(page)


@pytest.mark.parametrize("path", ["/account", "/account/sessions"])
def test_words_without_end_do_not_push_a_page_sideways(browse: Browse, site: Site, path: str) -> None:
    person = site.new_person("a" * 60, first_name="W" * 60, last_name="W" * 60)
    context = browse(site.url, user_agent="W" * 150 + "/1.0 CFNetwork/1408.0.4 Darwin/22.5.0")
    enter(context, site.url, person)
    page = context.new_page()
    page.goto(path)
    check_nothing_scrolls_sideways(page)


@pytest.mark.parametrize("chosen", ["light", "dark"])
def test_a_chosen_theme_is_as_legible_as_the_systems(browse: Browse, site: Site, chosen: str) -> None:
    """The button's choice against the system's: both ways of getting the same colours."""
    context = browse(site.url, color_scheme="dark" if chosen == "light" else "light", reduced_motion="reduce")
    page = context.new_page()
    page.goto("/login")
    button = page.get_by_role("button", name=re.compile("Colour theme"))
    button.click()
    if chosen == "dark":
        button.click()
    expect(page.locator("html")).to_have_attribute("data-theme", chosen)
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == chosen
    assert found_by_axe(page) == []


def test_every_page_has_a_title_of_its_own_one_heading_and_a_language(page: Page, site: Site, person: Person) -> None:
    titles = set()
    enter(page.context, site.url, person)
    paths = ["/", "/account", "/account/sessions", "/account/tokens"]
    for path in paths:
        page.goto(path)
        titles.add(page.title())
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.locator("html")).to_have_attribute("lang", "en")
    assert len(titles) == len(paths)
