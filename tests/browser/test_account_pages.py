"""The account pages for everyone: axe, small windows, both colour schemes, and what they say."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.account_journeys import JOURNEYS, TITLES
from tests.browser.account_pages import NEW_PASSWORD, SHORT, Guest
from tests.browser.looks import check_pages


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_axe_finds_nothing_nothing_scrolls_sideways_and_there_is_one_heading(
    guest: Guest, journey: Callable[[Guest], Iterator[str]]
) -> None:
    check_pages(guest, journey, TITLES)


def test_a_link_that_opens_nothing_says_what_to_do_next(guest: Guest) -> None:
    """Not a field's error: a page of its own, with a next step."""
    for kind, step in (("reset", "Have a new link sent"), ("verify", "Sign in to your account")):
        guest.open_dead_link(kind)
        expect(guest.page.get_by_role("main").get_by_role("link", name=step, exact=True)).to_be_visible()
    guest.enter()
    guest.page.reload()
    # Of an address that is confirmed there is no other link to be had.
    home = guest.page.get_by_role("main").get_by_role("link", name="Look at your account", exact=True)
    expect(home).to_be_visible()
    for kind in ("not-me", "undo"):
        guest.open_dead_link(kind)
        expect(guest.page.get_by_role("main").get_by_role("link").first).to_be_visible()


def test_an_error_of_signing_up_keeps_what_was_typed_but_the_password(guest: Guest) -> None:
    """A08: the reason stands beside the field, and the field can be reached from the summary."""
    page, password = guest.page, guest.page.get_by_label("Password", exact=True)
    page.goto("/register")
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Email address").fill("ada@example.com")
    password.fill(SHORT)
    guest.press_in_vain("Sign up", "/register")
    expect(page.get_by_label("First name")).to_have_value("Ada")
    expect(page.get_by_label("Email address")).to_have_value("ada@example.com")
    expect(password).to_have_value("")
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(password).to_have_accessible_description(re.compile("Error:"))
    page.get_by_role("alert").get_by_role("link").click()
    expect(password).to_be_focused()


def test_how_easily_a_password_is_guessed_is_said_while_it_is_typed(guest: Guest) -> None:
    """A09: in words, in a region that is read out, and not by colour alone."""
    guest.page.goto("/register")
    status = guest.page.get_by_role("status").filter(has_text=re.compile("guess|Good|[Ss]trong"))
    expect(status).to_have_count(0)
    password = guest.page.get_by_label("Password", exact=True)
    password.fill("password1")
    expect(status).to_contain_text(re.compile("[Ee]asy to guess"))
    password.fill(NEW_PASSWORD)
    expect(status).to_contain_text("trong")
    guest.page.get_by_label("Email address").fill("marmaladesky@example.com")
    password.fill("marmaladesky@example.com")
    expect(status).to_contain_text(re.compile("[Ee]asy to guess"))
    password.fill("")
    expect(status).to_have_count(0)
