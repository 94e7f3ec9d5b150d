"""Passkeys on our pages: how one signs in with them, and where they are listed."""

from playwright.sync_api import Locator, Page


def passkeys_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Passkeys").get_by_role("listitem")


def use_passkey(page: Page) -> None:
    page.get_by_role("button", name="Sign in with a passkey").click()


def sign_out(page: Page) -> None:
    page.context.clear_cookies()
