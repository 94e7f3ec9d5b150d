"""Browsers of the years before these pages: they have colours, and are told what they cannot do."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Route

from tests.browser.site import Site

Browse = Callable[..., BrowserContext]

# What Chrome before 123 and Safari before 17.5 do not know.
UNKNOWN_TO_THEM = "light-dark("

LOOK = """(element) => {
    const { backgroundColor, borderTopColor, borderTopStyle, color, outlineColor, outlineStyle } =
        getComputedStyle(element);
    return { backgroundColor, borderTopColor, borderTopStyle, color, outlineColor, outlineStyle };
}"""

PRIMARY = {"light": "rgb(20, 96, 60)", "dark": "rgb(134, 214, 166)"}
EDGE = {"light": "rgb(114, 129, 119)", "dark": "rgb(116, 135, 124)"}
FOCUS = {"light": "rgb(180, 80, 11)", "dark": "rgb(255, 180, 84)"}


def look_of(element: Locator) -> dict[str, str]:
    found: dict[str, str] = element.evaluate(LOOK)
    return found


def as_they_read_it(route: Route) -> None:
    sheet = route.fetch()
    route.fulfill(response=sheet, body=sheet.text().replace(UNKNOWN_TO_THEM, "unknown("))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("is_chosen", [False, True], ids=["the system's", "chosen"])
def test_fields_buttons_and_the_focus_have_a_shape_without_light_dark(
    browse: Browse, site: Site, scheme: str, is_chosen: bool
) -> None:
    other = {"light": "dark", "dark": "light"}[scheme]
    context = browse(site.url, color_scheme=other if is_chosen else scheme, reduced_motion="reduce")
    context.route("**/css/*.css", as_they_read_it)
    page = context.new_page()
    page.goto("/login")
    if is_chosen:
        page.evaluate("(scheme) => localStorage.setItem('theme', scheme)", scheme)
        page.reload()
    field, button = page.get_by_label("Email address"), page.get_by_role("button", name="Sign in", exact=True)
    assert (look_of(field)["borderTopStyle"], look_of(field)["borderTopColor"]) == ("solid", EDGE[scheme])
    assert look_of(button)["backgroundColor"] == PRIMARY[scheme]
    field.focus()
    assert (look_of(field)["outlineStyle"], look_of(field)["outlineColor"]) == ("solid", FOCUS[scheme])
