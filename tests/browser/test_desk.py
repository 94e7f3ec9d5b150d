"""The administrators' desk for everyone: axe, small windows, the keyboard alone, figures in any colours, addresses."""

import base64
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from sqlalchemy import select

from tests.browser.account_pages import Guest
from tests.browser.desk_journeys import JOURNEYS, TITLES
from tests.browser.desk_pages import ENDED_BY_OPERATOR, FIREFOX, NOBODY, address_of, new_administrator
from tests.browser.desk_past import add_users, give_troubles
from tests.browser.keyboard import tab_to
from tests.browser.looks import check_pages
from tests.browser.site import Person, Site, enter
from tests.browser.test_accounts import expect_signed_out
from webapp.database import db
from webapp.models import AuditEvent, SessionRefresh

Browse = Callable[..., BrowserContext]
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
FORCED: tuple[Literal["none", "active"], ...] = ("none", "active")
WHERE_THE_FOCUS_IS = """() => {
    const { localName, id, ariaLabel, innerText } = document.activeElement;
    return id || ariaLabel || innerText.trim();
}"""
READ_PIXELS = """async ([png, points]) => {
    const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    return points.map(([x, y]) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3));
}"""
Colour = tuple[int, int, int]


@pytest.fixture
def person(site: Site) -> Person:
    """An administrator; those with whom something is done are others."""
    return new_administrator(site)


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_axe_finds_nothing_nothing_scrolls_sideways_and_there_is_one_heading(
    guest: Guest, journey: Callable[[Guest], Iterator[str]]
) -> None:
    check_pages(guest, journey, TITLES)


# --- the keyboard alone ------------------------------------------------------------------------------------


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
    expect(page.get_by_role("status").filter(has_text="1 user")).to_be_visible()
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


# --- figures -----------------------------------------------------------------------------------------------


def chart(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def numbers(section: Locator) -> dict[tuple[date, str], int]:
    """Return what the table of a chart says, by day and column."""
    section.get_by_text("The numbers").click()
    table = section.get_by_role("table")
    names = table.get_by_role("columnheader").all_inner_texts()[1:]
    found = {}
    for row in table.get_by_role("row").all()[1:]:
        day = date.fromisoformat(row.locator("time").get_attribute("datetime") or "")
        for name, number in zip(names, row.get_by_role("cell").all_inner_texts(), strict=True):
            found[day, name] = int(number)
    return found


def bars(section: Locator) -> dict[str, float]:
    """Return how high each bar is, by what its title says."""
    rectangles = section.locator("svg rect").all()
    return {bar.locator("title").text_content() or "": float(bar.get_attribute("height") or 0) for bar in rectangles}


def kept_sign_ins(site: Site) -> Counter[tuple[date, str]]:
    names = {"sign_in": "Sign-ins", "sign_in_failed": "Failures"}
    with site.app.app_context():
        rows = db.session.execute(select(AuditEvent.at, AuditEvent.kind)).all()
    return Counter((at.date(), names[kind]) for at, kind in rows if kind in names)


def kept_refreshes(site: Site) -> Counter[tuple[date, str]]:
    with site.app.app_context():
        rows = db.session.execute(select(SessionRefresh.at, SessionRefresh.method)).all()
    return Counter((at.date(), method.capitalize()) for at, method in rows)


def test_charts_have_a_name_and_the_numbers_of_the_database_in_bars_and_in_a_table(guest: Guest) -> None:
    give_troubles(guest)
    guest.enter()
    guest.page.goto("/admin")
    for title, kept in (
        ("Sign-ins and failures, 14 days", kept_sign_ins(guest.site)),
        ("Silent and manual refreshes, 14 days", kept_refreshes(guest.site)),
    ):
        section = chart(guest.page, title)
        expect(section.get_by_role("img", name=f"{title}. The table below has the numbers.")).to_be_visible()
        table = numbers(section)
        assert len(table) == 14 * 2
        assert table == {place: kept[place] for place in table}
        assert sum(table.values()) > 5
        highest = max(table.values())
        heights = {f"{day.day} {day:%B}: {name} {count}": 140 * count / highest for (day, name), count in table.items()}
        assert bars(section) == pytest.approx(heights, abs=0.06)


def box_of(element: Locator) -> dict[str, float]:
    box = element.bounding_box()
    assert box is not None
    return dict(box)


def middle(element: Locator) -> tuple[int, int]:
    box = box_of(element)
    return int(box["x"] + box["width"] / 2), int(box["y"] + box["height"] / 2)


def colours(page: Page, *points: tuple[int, int]) -> list[Colour]:
    """Return the colours of these points of the window, as they are seen."""
    png = base64.b64encode(page.screenshot()).decode()
    return [(red, green, blue) for red, green, blue in page.evaluate(READ_PIXELS, [png, points])]


def luminance(colour: Colour) -> float:
    """WCAG 2.2's relative luminance."""
    parts = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: Colour, other: Colour) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def set_looks(page: Page) -> Iterator[str]:
    """Show the page in both schemes, with its own colours and with the system's few."""
    for scheme in SCHEMES:
        for forced in FORCED:
            page.emulate_media(color_scheme=scheme, forced_colors=forced)
            yield f"{scheme}, forced {forced}"


def test_bars_stand_out_from_what_is_behind_them_and_the_legend_is_of_their_colours(guest: Guest) -> None:
    """WCAG 1.4.11, with forced colours too."""
    give_troubles(guest)
    guest.enter()
    guest.page.goto("/admin")
    section = chart(guest.page, "Sign-ins and failures, 14 days")
    section.scroll_into_view_if_needed()
    for series in (0, 1):
        bar, mark = (section.locator(f"{part}.bar-{series}") for part in ("rect", "span"))
        tallest = max(bar.all(), key=lambda one: float(one.get_attribute("height") or 0))
        x, y = middle(tallest)
        left = int(box_of(section.locator("svg"))["x"]) + 1
        for look in set_looks(guest.page):
            shown, background, legend = colours(guest.page, (x, y), (left, y), middle(mark))
            assert contrast(shown, background) >= 3, (look, series, shown, background)
            assert legend == shown, look


def test_dots_of_a_life_stand_out_and_what_they_say_is_said_in_words(guest: Guest) -> None:
    """WCAG 1.4.11, 1.4.1: the alarm is larger too, and the list below has each moment."""
    page, troubled = guest.page, give_troubles(guest)
    guest.enter()
    page.goto(address_of(guest.site, troubled))
    ended = page.get_by_role("listitem").filter(has_text="Ended: reuse")
    expect(ended.get_by_role("img", name="5 times given new tokens, and reuse of an old one.")).to_be_visible()
    ended.get_by_text("Its life").click()
    moments = ended.get_by_role("listitem")
    expect(moments).to_have_count(6)
    expect(moments.last).to_contain_text("an old token came back, and the session was ended")
    ended.locator(".life").scroll_into_view_if_needed()
    for kind in ("silent", "manual", "reuse"):
        x, y = middle(ended.locator(f".dot-{kind}").first)
        for look in set_looks(page):
            shown, background = colours(page, (x, y), (x, y - 17))
            assert contrast(shown, background) >= 3, (look, kind, shown, background)
    widths = [box_of(ended.locator(f".dot-{kind}").first)["width"] for kind in ("silent", "reuse")]
    assert widths == sorted(set(widths))


# --- addresses ---------------------------------------------------------------------------------------------


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
