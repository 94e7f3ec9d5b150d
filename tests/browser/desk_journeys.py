"""The administrators' desk as journeys over its pages (see account_journeys.py)."""

import re
from collections.abc import Callable, Iterator

from playwright.sync_api import Page, expect

from tests.browser.account_pages import Guest, expect_heading
from tests.browser.desk_pages import NOBODY, PAST_FRESHNESS, address_of, change
from tests.browser.desk_past import give_troubles
from tests.support.desk import fitting
from webapp.web.admin_acts import ACTS

TITLES = {
    "/admin": "Overview",
    "/admin/users": "Users",
    "/admin/sessions": "Sessions",
    "/admin/events": "Events",
    "403": "This page is for administrators",
    "404": "There is nothing here",
    "400": "The query string is not valid",
    "/account/confirm": "Is it you?",
    **{name: act.label for name, act in ACTS.items()},
}


def open_all_details(page: Page) -> None:
    for summary in page.locator("summary").all():
        summary.click()


def watching(guest: Guest) -> Iterator[str]:
    """The overview, the users, and one of them."""
    troubled = give_troubles(guest)
    guest.enter()
    page = guest.page
    page.goto("/admin")
    open_all_details(page)
    yield "/admin"
    page.goto("/admin/users")
    yield "/admin/users"
    page.goto(f"/admin/users?q={NOBODY}&state=locked")
    expect(page.get_by_text("No user matches.")).to_be_visible()
    yield "/admin/users none"
    page.goto(address_of(guest.site, troubled))
    expect(page.get_by_text("Ended: reuse")).to_be_visible()
    open_all_details(page)
    expect(page.get_by_text("an old token came back, and the session was ended")).to_be_visible()
    yield troubled.email
    fresh = guest.site.new_person()
    page.goto(address_of(guest.site, fresh))
    expect(page.get_by_text("This user has never signed in")).to_be_visible()
    yield fresh.email


def listing(guest: Guest) -> Iterator[str]:
    """Sessions and events, with rows and without."""
    troubled = give_troubles(guest)
    guest.enter()
    page = guest.page
    for path, query, none in (
        ("/admin/sessions", "state=all", "No session matches."),
        ("/admin/events", f"user={troubled.email}", "No event matches."),
    ):
        page.goto(f"{path}?{query}")
        expect(page.get_by_role("link", name=troubled.email).first).to_be_visible()
        yield path
        page.goto(f"{path}?ip=192.0.2.200")
        expect(page.get_by_text(none)).to_be_visible()
        yield f"{path} none"


def acting(guest: Guest) -> Iterator[str]:
    """What each act asks before it is done, and the last one, which is typed, again."""
    guest.enter()
    troubled = give_troubles(guest)
    path = address_of(guest.site, troubled)
    for name in ACTS:
        change(guest.site, troubled, **fitting(name))
        guest.page.goto(f"{path}/{name}")
        yield name
    guest.fill("Type the address to confirm", "somebody else")
    guest.press_in_vain("Deactivate", f"{path}/deactivate")
    yield "deactivate refused"


def being_turned_away(guest: Guest) -> Iterator[str]:
    """What is no administrator's, nobody's, no filter's; and the password once more."""
    page, path = guest.page, address_of(guest.site, guest.site.new_person())
    guest.enter()
    guest.watch.allow(r"Failed to load resource: .* status of 40[04] .*/admin/(users|events)")
    page.goto("/admin/users/999999999")
    expect(page.get_by_role("link", name="All users")).to_be_visible()
    yield "404"
    page.goto("/admin/events?since=yesterday")
    expect(page.get_by_role("link", name="All events")).to_be_visible()
    yield "400"
    guest.site.server.move_clock(PAST_FRESHNESS)
    try:
        page.goto(f"{path}/deactivate")
        expect(page).to_have_url(re.compile(r"/account/confirm\?next="))
        yield "/account/confirm"
    finally:
        guest.site.server.move_clock(0)
    change(guest.site, guest.person, is_admin=False)
    guest.watch.allow_status(403, path)
    page.goto(path)
    expect_heading(page, TITLES["403"])
    yield "403"


JOURNEYS: list[Callable[[Guest], Iterator[str]]] = [watching, listing, acting, being_turned_away]
