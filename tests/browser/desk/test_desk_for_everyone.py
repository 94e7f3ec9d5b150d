"""The administrators' desk for everyone: axe, small windows, the keyboard alone."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.account_pages import Guest
from tests.browser.desk_journeys import JOURNEYS, TITLES
from tests.browser.desk_pages import ENDED_BY_OPERATOR, address_of
from tests.browser.keyboard import tab_to
from tests.browser.looks import check_pages
from tests.browser.site import FIREFOX, Person, Site, enter, expect_signed_out

Browse = Callable[..., BrowserContext]
WHERE_THE_FOCUS_IS = """() => {
    const { localName, id, ariaLabel, innerText } = document.activeElement;
    return id || ariaLabel || innerText.trim();
}"""


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_axe_finds_nothing_nothing_scrolls_sideways_and_there_is_one_heading(
    guest: Guest, journey: Callable[[Guest], Iterator[str]]
) -> None:
    check_pages(guest, journey, TITLES)


def test_a_stolen_session_is_found_and_ended_without_a_mouse(
    page: Page, person: Person, site: Site, browse: Browse
) -> None:
    victim = site.new_person("victim")
    thief = browse(site.url, user_agent=FIREFOX)
    enter(thief, site.url, victim)
    page.goto("/login")
    tab_to(page, page.get_by_label("Email address"))
    page.keyboard.type(person.email)
    tab_to(page, page.get_by_label("Password", exact=True))
    page.keyboard.type(person.password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/account$"))
    tab_to(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Admin"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    tab_to(page, page.get_by_role("navigation", name="Administration").get_by_role("link", name="Users"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("Address, name or number"))
    page.keyboard.type(victim.email)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text=re.compile("^1 user$"))).to_be_visible()
    tab_to(page, page.get_by_role("link", name=victim.email))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("button", name=re.compile("^End the session of Firefox on Linux, last seen ")))
    page.keyboard.press("Enter")
    done = page.get_by_role("status").filter(has_text="Ended 1 session. The next request of each will be refused.")
    expect(done).to_be_visible()
    expect(page).to_have_url(re.compile(f"{address_of(site, victim)}$"))
    expect(page.get_by_text("Ended: ended by operator")).to_be_visible()
    expect_signed_out(thief.new_page(), ENDED_BY_OPERATOR)


def test_the_skip_link_and_tab_go_through_a_list_in_the_order_in_which_it_is_read(
    page: Page, person: Person, site: Site
) -> None:
    enter(page.context, site.url, person)
    page.goto(f"/admin/users?q={person.email}")
    tab_to(page, page.get_by_role("link", name="Skip to main content"))
    page.keyboard.press("Enter")
    places = ["Overview", "Users", "Sessions", "Events", "Download as CSV"]
    places += ["q", "state", "sort", "Show", "Without filters", "Users", person.email]
    walked = []
    for _ in places:
        page.keyboard.press("Tab")
        walked.append(page.evaluate(WHERE_THE_FOCUS_IS))
    assert walked == places
