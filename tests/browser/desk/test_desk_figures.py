"""The desk's figures: the numbers of the database, in colours that are seen and in words."""

import base64
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from tests.browser.account_pages import Guest
from tests.browser.desk_pages import address_of
from tests.browser.desk_past import give_troubles
from tests.browser.site import Site
from webapp.database import db
from webapp.models import AuditEvent, SessionRefresh

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
FORCED: tuple[Literal["none", "active"], ...] = ("none", "active")
READ_PIXELS = """async ([png, points]) => {
    const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    return points.map(([x, y]) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3));
}"""
Colour = tuple[int, int, int]


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
    names = {"sign_in": "Sign-ins", "sign_in_failed": "Failures", "code_failed": "Failures"}
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
