"""The account pages for everyone: axe, small windows, both colour schemes, the keyboard alone, paper."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pyotp
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.account_journeys import JOURNEYS
from tests.browser.account_pages import NEW_PASSWORD, SHORT, Guest
from tests.browser.test_accessibility import OVERFLOW, axe, check_nothing_scrolls_sideways
from tests.browser.test_keyboard import tab_to

Browse = Callable[..., BrowserContext]
CONTRAST_ALONE = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
# All rules once in each scheme and at each size; what depends on both, the colours, in each combination.
LOOKS: list[tuple[Literal["light", "dark"], tuple[int, int], dict[str, Any]]] = [
    ("light", (1280, 800), {}),
    ("dark", (1280, 800), CONTRAST_ALONE),
    ("dark", (360, 740), {"rules": {"target-size": {"enabled": True}}}),  # WCAG 2.5.8, off in axe by default
    ("light", (360, 740), CONTRAST_ALONE),
]
TITLES = {
    "/register": "Sign up",
    "/forgot": "Set a new password",
    "/check-your-mail": "Check your mail",
    "/verify": "Confirm your address",
    "/reset": "Set a new password",
    "/not-me": "Was this not you?",
    "/undo": "Undo the change of address",
    "dead": "This link does not work any more",
    "/login": "Sign in",
    "/login/code": "Enter your code",
    "/account/security": "Security",
    "/account/confirm": "Is it you?",
    "/account/delete": "Delete your account",
    "/account/security/totp": "Set up two-step sign-in",
    "recovery": "Your recovery codes",
    "/account/security/totp/remove": "Turn two-step sign-in off",
    "/dev/mail": "Development inbox",
    "/dev/mail/one": "Set a new password",
}
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
# What axe finds, and no more: what passed, handed over to Python, took most of the time.
FIND = """async (options) => {
    const { violations } = await axe.run({ ...options, resultTypes: ["violations"], selectors: false, preload: false });
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
}"""


def look_at(page: Page) -> list[str]:
    """Return what axe finds on the page as it stands, in every look, and whether it scrolls sideways."""
    found = []
    page.evaluate(axe.axe_script)
    for scheme, (width, height), options in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme} {width}px: {violation}" for violation in page.evaluate(FIND, options)]
        if page.evaluate(IS_SIDEWAYS):
            found.append(f"{width}px: scrolls sideways: {page.evaluate(OVERFLOW)}")
    return found


def title_of(name: str, titles: dict[str, str]) -> str:
    """A form that came back says so first; what a script says leaves the title as it is. A page whose name is in no
    list is called by it."""
    word = name.split(maxsplit=1)[0]
    is_error = name.endswith("refused") and "passkey" not in name
    return ("Error: " if is_error else "") + titles.get(word, word)


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_axe_finds_nothing_nothing_scrolls_sideways_and_there_is_one_heading(
    guest: Guest, journey: Callable[[Guest], Iterator[str]]
) -> None:
    check_pages(guest, journey, TITLES)


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


def test_a_link_that_opens_nothing_says_what_to_do_next(guest: Guest) -> None:
    """Not a field's error: a page of its own, with a next step."""
    for kind, step in (("reset", "Have a new link sent"), ("verify", "Sign in and have a new link sent")):
        guest.open_dead_link(kind)
        expect(guest.page.get_by_role("main").get_by_role("link", name=step, exact=True)).to_be_visible()
    guest.enter()
    guest.page.reload()
    again = guest.page.get_by_role("main").get_by_role("link", name="Have a new link sent", exact=True)
    expect(again).to_be_visible()
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


# --- the keyboard alone ------------------------------------------------------------------------------------


def test_signing_up_needs_no_mouse(guest: Guest) -> None:
    page = guest.page
    page.goto("/register")
    tab_to(page, page.get_by_role("link", name="Skip to main content"))
    page.keyboard.press("Enter")
    typed = {"First name": "Ada", "Last name": "Byron", "Email address": "ada-by-keyboard@example.com"}
    for label, text in typed.items():
        assert tab_to(page, page.get_by_label(label)) == 1
        page.keyboard.type(text)
    assert tab_to(page, page.get_by_label("Password", exact=True)) == 1
    page.keyboard.type(NEW_PASSWORD)
    assert tab_to(page, page.get_by_role("button", name="Show password")) == 1
    assert tab_to(page, page.get_by_role("main").get_by_role("button", name="Sign up")) == 1
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Check your mail")).to_be_visible()


def test_a_second_factor_is_set_up_without_a_mouse(guest: Guest) -> None:
    page = guest.page
    guest.enter()
    page.goto("/account/security")
    tab_to(page, page.get_by_role("button", name="Set it up"))
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Copy the key")).to_be_visible()
    key = page.locator(".secret code").inner_text().replace(" ", "")
    tab_to(page, page.get_by_role("button", name="Copy the key"))
    tab_to(page, page.get_by_label("Code", exact=True))
    page.keyboard.type(pyotp.TOTP(key).now())
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    check_print_is_codes_and_no_buttons(page)
    for target in (
        page.get_by_role("button", name="Copy"),
        page.get_by_role("button", name="Print"),
        page.get_by_role("link", name="I have kept them"),
    ):
        tab_to(page, target)
    page.keyboard.press("Enter")
    expect(page.get_by_text("You have 10 recovery codes left.")).to_be_visible()


def check_print_is_codes_and_no_buttons(page: Page) -> None:
    """Dark ink even for who has chosen the dark theme, since printers leave backgrounds out."""
    page.evaluate("document.documentElement.dataset.theme = 'dark'")  # as theme.js does for who has chosen it
    page.emulate_media(media="print")
    codes = page.locator("pre")
    expect(codes).to_be_visible()
    for unwanted in (
        page.get_by_role("banner"),
        page.get_by_role("contentinfo"),
        page.get_by_role("button", name="Copy"),
        page.get_by_role("button", name="Print"),
        page.get_by_role("link", name="I have kept them"),
    ):
        expect(unwanted).to_be_hidden()
    ink = codes.evaluate("(pre) => getComputedStyle(pre).color")
    brightest = max(int(number) for number in re.findall(r"\d+", ink))
    assert brightest < 128, f"{ink} on white paper"
    page.emulate_media(media="screen")
