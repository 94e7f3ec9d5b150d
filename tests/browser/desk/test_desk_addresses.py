"""The address of a list on the desk is the view: reloaded, gone back to, or handed on."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.account_pages import Guest
from tests.browser.desk_pages import NOBODY, new_administrator
from tests.browser.desk_past import add_users, give_troubles
from tests.browser.site import Person, enter

Browse = Callable[..., BrowserContext]


def shown_rows(page: Page) -> list[str]:
    """Return the rows as text; of times, which become "a minute ago", the moment."""
    page.wait_for_load_state()  # the address is a new page's before the page is there
    return list(
        page.locator("tbody tr").evaluate_all(
            """(rows) => rows.map((row) => {
                for (const time of row.querySelectorAll("time")) time.textContent = time.dateTime;
                return row.innerText;
            })"""
        )
    )


def chosen(page: Page) -> list[str]:
    """Return what stands in the fields of the filter."""
    fields = page.get_by_role("search").locator("input:not([type=hidden]), select")
    return [field.input_value() for field in fields.all()]


def filter_users(page: Page, troubled: Person) -> None:
    page.get_by_label("Address, name or number").fill("unlucky")
    page.get_by_label("State").select_option(label="Locked for new devices")
    page.get_by_label("Order").select_option(label="By address")


def filter_sessions(page: Page, troubled: Person) -> None:
    page.get_by_label("State").select_option(label="Ended or expired")
    page.get_by_label("User: address or number").fill(troubled.email)
    page.get_by_label("Device, part of its User-Agent").fill("firefox")


def filter_events(page: Page, troubled: Person) -> None:
    page.get_by_label("Event", exact=True).select_option(label="Sign in failed")
    page.get_by_label("User: address or number").fill(troubled.email)
    page.get_by_label("Network address").fill("203.0.113.9")


# By path: how the filter is filled in, and how many rows are left; others have been unlucky too.
FILTERS: dict[str, tuple[Callable[[Page, Person], None], int | None]] = {
    "/admin/users": (filter_users, None),
    "/admin/sessions": (filter_sessions, 1),
    "/admin/events": (filter_events, 7),
}


@pytest.mark.parametrize("path", FILTERS)
def test_the_address_of_a_list_is_the_view(guest: Guest, browse: Browse, path: str) -> None:
    """Reloaded, gone back to, or opened by another administrator: the same rows and the same filters."""
    page, troubled = guest.page, give_troubles(guest)
    guest.enter()
    page.goto(path)
    fill, count = FILTERS[path]
    fill(page, troubled)
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(rf"{path}\?"))
    address, rows, filters = page.url, shown_rows(page), chosen(page)
    assert len(rows) == count or (count is None and rows)
    page.reload()
    assert (page.url, shown_rows(page), chosen(page)) == (address, rows, filters)
    page.get_by_role("link", name=troubled.email).first.click()
    expect(page.get_by_role("heading", level=1, name=troubled.email)).to_be_visible()
    page.go_back()
    expect(page).to_have_url(address)
    assert (shown_rows(page), chosen(page)) == (rows, filters)
    colleague = browse(guest.site.url)
    enter(colleague, guest.site.url, new_administrator(guest.site))
    theirs = colleague.new_page()
    theirs.goto(address)
    assert (shown_rows(theirs), chosen(theirs)) == (rows, filters)
    page.get_by_role("link", name="Without filters").click()
    expect(page).to_have_url(re.compile(f"{path}$"))


def test_a_page_of_a_list_is_gone_back_to(guest: Guest) -> None:
    page = guest.page
    add_users(guest.site, "Backward", 27)
    guest.enter()
    page.goto("/admin/users?q=backward&sort=address")
    first = shown_rows(page)
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    address, second = page.url, shown_rows(page)
    page.reload()
    assert shown_rows(page) == second
    page.get_by_role("link", name="backward026@").click()
    expect(page.get_by_role("heading", level=1, name="backward026@")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(address)
    assert shown_rows(page) == second
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(25)
    assert shown_rows(page) == first


def test_a_list_without_rows_leads_on(guest: Guest) -> None:
    guest.enter()
    for path, step in (
        (f"/admin/users?q={NOBODY}", "See all users"),
        (f"/admin/sessions?user={NOBODY}", "See all active sessions"),
        (f"/admin/events?user={NOBODY}", "See all events"),
    ):
        guest.page.goto(path)
        expect(guest.page.get_by_role("table")).to_have_count(0)
        guest.page.get_by_role("link", name=step).click()
        expect(guest.page.get_by_role("row").nth(1)).to_be_visible()
