"""The desk's lists are searched, leafed through and taken away as files, without JavaScript."""

import csv
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk_pages import a_while_later, change, expect_told, prove_it_is_you
from tests.browser.desk_past import add_users, sign_in_program
from tests.browser.site import FIREFOX, Person, Site

HEADERS = {
    "users": ["id", "address", "first name", "last name", "confirmed", "administrator", "active"],
    "sessions": ["session", "user id", "address", "active", "device", "ip", "transport"],
    "events": ["at", "event", "user id", "address", "actor id", "actor", "ip"],
}


def expect_users(desk: Page, names: list[str]) -> None:
    expect(desk.locator("tbody th a")).to_have_text([f"{name}@example.com" for name in names])


def show(desk: Page, **choices: str) -> None:
    for label, choice in choices.items():
        desk.get_by_label(label).select_option(label=choice)
    desk.get_by_role("button", name="Show").click()


def test_users_are_searched_filtered_sorted_and_leafed_through(desk: Page, site: Site) -> None:
    add_users(site, "Pagewright", 27)
    everybody = [f"pagewright{number:03}" for number in range(27)]
    desk.goto("/admin/users")
    desk.get_by_label("Address, name or number").fill("row PAGEWRIGHT")
    show(desk, Order="By address")
    expect(desk.get_by_role("status")).to_have_text("27 users")
    expect_users(desk, everybody[:25])
    desk.get_by_role("link", name="Next page").click()
    expect_users(desk, everybody[25:])
    expect(desk.get_by_role("link", name="Next page")).to_have_count(0)
    desk.get_by_role("link", name="Previous page").click()
    expect_users(desk, everybody[:25])
    show(desk, Order="Newest first")
    expect_users(desk, everybody[:1:-1])
    show(desk, Order="Oldest first")
    expect_users(desk, everybody[:25])
    change(site, Person("pagewright007@example.com"), is_active=False)
    show(desk, State="Deactivated")
    expect_users(desk, ["pagewright007"])
    desk.get_by_role("link", name="pagewright007@").click()
    expect(desk.get_by_role("heading", level=1, name="pagewright007@example.com")).to_be_visible()
    expect(desk.get_by_text("Deactivated", exact=True)).to_be_visible()


def download(desk: Page, act: Callable[[], None]) -> tuple[str, list[list[str]]]:
    """Return the name and the lines of the file that the act brings."""
    with desk.expect_download() as expected:
        act()
    with expected.value.path().open(newline="") as file:
        return expected.value.suggested_filename, list(csv.reader(file))


@pytest.mark.parametrize("name", HEADERS)
def test_a_list_is_downloaded_as_it_is_filtered(desk: Page, site: Site, victim: Person, name: str) -> None:
    sign_in_program(site, victim, FIREFOX)
    desk.goto(f"/admin/{name}?{'q' if name == 'users' else 'user'}={victim.email}")
    file_name, (header, *rows) = download(desk, desk.get_by_role("link", name="Download as CSV").click)
    assert re.fullmatch(rf"{name}-\d{{4}}-\d\d-\d\d\.csv", file_name)
    assert header[:7] == HEADERS[name]
    assert len(rows) == desk.locator("tbody tr").count() > 0
    assert {row[header.index("address")] for row in rows} == {victim.email}


def test_after_a_while_the_password_is_asked_for_before_a_list_is_taken_away(
    desk: Page, site: Site, person: Person
) -> None:
    """Z06."""
    with a_while_later(site):
        desk.goto("/admin/events?kind=exported")
        desk.get_by_role("link", name="Download as CSV").click()
        prove_it_is_you(desk, person)
        expect(desk).to_have_url(f"{site.url}/admin/events?kind=exported")
        expect_told(desk, "Now go on with what you were about to do.")
        _, (header, *rows) = download(desk, desk.get_by_role("link", name="Download as CSV").click)
    assert header[:7] == HEADERS["events"]
    assert ["exported", person.email] in [[row[1], row[5]] for row in rows]
