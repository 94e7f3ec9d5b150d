"""The account pages by the keyboard alone, and what a printer makes of the recovery codes."""

import re

import pyotp
from playwright.sync_api import Page, expect

from tests.browser.account_pages import NEW_PASSWORD, Guest
from tests.browser.keyboard import tab_to


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
