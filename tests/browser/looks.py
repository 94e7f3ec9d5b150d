"""What axe finds on a page as it stands, in both colour schemes, small and large, and whether it scrolls sideways."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.account_pages import Guest

NARROW = (320, 640)
OVERFLOW = """() => [...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
    .map((element) => element.outerHTML.slice(0, 120))"""
CONTRAST_ALONE = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
# All rules once in each scheme and at each size; what depends on both, the colours, in each combination.
LOOKS: list[tuple[Literal["light", "dark"], tuple[int, int], dict[str, Any]]] = [
    ("light", (1280, 800), {}),
    ("dark", (1280, 800), CONTRAST_ALONE),
    ("dark", (360, 740), {"rules": {"target-size": {"enabled": True}}}),  # WCAG 2.5.8, off in axe by default
    ("light", (360, 740), CONTRAST_ALONE),
]
# WHATWG's autofill tokens, which password managers go by (ux.md §1); the field of the page and its token.
TOKENS = {
    "/register": {
        "first_name": "given-name",
        "last_name": "family-name",
        "email": "username",
        "password": "new-password",
    },
    "/forgot": {"email": "username"},
    "/verify": {"username": "username", "password": "current-password"},
    "/reset": {"username": "username", "password": "new-password"},
    "/login/code": {"code": "one-time-code"},
    "/account/security": {
        "username": "username",
        "current_password": "current-password",
        "new_password": "new-password",
        "email": "email",
        "password": "current-password",
    },
    "/account/confirm": {"username": "username", "password": "current-password"},
    "/account/delete": {"username": "username", "password": "current-password"},
    "/account/security/totp": {"code": "one-time-code"},
    "/account/security/totp/remove": {"username": "username", "password": "current-password"},
}
FIELDS = """() => Object.fromEntries([...document.querySelectorAll("main input[name]")]
    .filter((input) => !["csrf_token", "next"].includes(input.name) && !input.closest("[data-passkey-add]"))
    .map((input) => [input.name, input.autocomplete]))"""
# A field for a code: one field with digits offered, no length that cuts a code with spaces, no zoom on a phone.
CODE_FIELD = """(field) => [field.inputMode, field.maxLength, parseFloat(getComputedStyle(field).fontSize) >= 16]"""
IS_SIDEWAYS = "document.scrollingElement.scrollWidth > document.scrollingElement.clientWidth"
# What axe finds, and no more: what passed, handed over to Python, took most of the time. Without preloading, since that
# puts a copy of imported sheets into the page, which the policy forbids.
FIND = """async (options) => {
    const { violations } = await axe.run({ ...options, resultTypes: ["violations"], selectors: false, preload: false });
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
}"""

axe = Axe()


def found_by_axe(page: Page, options: dict[str, Any] | None = None) -> list[str]:
    """Return a line for each rule that the page as it stands breaks; `options` are those of `axe.run`."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.axe_script)
    found: list[str] = page.evaluate(FIND, options or {})
    return found


def check_nothing_scrolls_sideways(page: Page) -> None:
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= NARROW[0], page.evaluate(OVERFLOW)


def look_at(page: Page) -> list[str]:
    """Return what axe finds on the page as it stands, in every look, and whether it scrolls sideways."""
    found = []
    for scheme, (width, height), options in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme} {width}px: {violation}" for violation in found_by_axe(page, options)]
        if page.evaluate(IS_SIDEWAYS):
            found.append(f"{width}px: scrolls sideways: {page.evaluate(OVERFLOW)}")
    return found


def title_of(name: str, titles: dict[str, str]) -> str:
    """A form that came back says so first; what a script says leaves the title as it is. A page whose name is in no
    list is called by it."""
    word = name.split(maxsplit=1)[0]
    is_error = name.endswith("refused") and "passkey" not in name
    return ("Error: " if is_error else "") + titles.get(word, word)


def check_pages(guest: Guest, journey: Callable[[Guest], Iterator[str]], titles: dict[str, str]) -> None:
    """Walk the journey, and look at each of its pages; `titles` has the first word of each page's name."""
    page, found = guest.page, {}
    for name in journey(guest):
        expect(page).to_have_title(re.compile(f"^{re.escape(title_of(name, titles))} . Evergreen$"))
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.locator("html")).to_have_attribute("lang", "en")
        if name in TOKENS:
            assert page.evaluate(FIELDS) == TOKENS[name], name
        if "code" in TOKENS.get(name, {}):
            assert page.get_by_label("Code", exact=True).evaluate(CODE_FIELD) == ["numeric", -1, True]
        found[name] = look_at(page)
        check_nothing_scrolls_sideways(page)
        page.set_viewport_size({"width": 1280, "height": 800})
    assert {name: violations for name, violations in found.items() if violations} == {}
