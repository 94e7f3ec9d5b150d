"""The account pages as journeys that stop at what is to be looked at.

A journey is walked once: each name that it yields is a page, or a state of one, that the visitor's page then shows.
"""

from collections.abc import Callable, Iterator

import pyotp
from playwright.sync_api import expect

from tests.browser.account_pages import SHORT, Guest, expect_heading, turn_on_second_factor
from tests.browser.desk_pages import a_while_later
from tests.browser.site import fill_in, submit
from tests.browser.virtual_authenticator import give_passkey, plug_in
from webapp.one_time_tokens import Purpose

PASSKEY = "Laptop with a rather long name of its own"
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


def signing_up(guest: Guest) -> Iterator[str]:
    page = guest.page
    page.goto("/register")
    yield "/register"
    guest.fill("Password", "password1")
    expect(page.locator(".strength-text")).not_to_be_empty()
    yield "/register weak password"
    guest.fill("Email address", "no address")
    guest.fill("Password", SHORT)
    guest.press_in_vain("Sign up", "/register")
    yield "/register refused"
    page.goto("/check-your-mail?about=address")
    yield "/check-your-mail address"


def forgetting(guest: Guest) -> Iterator[str]:
    page = guest.page
    page.goto("/forgot")
    yield "/forgot"
    guest.press_in_vain("Send the link", "/forgot")
    yield "/forgot refused"
    guest.fill("Email address", guest.person.email)
    guest.press("Send the link")
    expect_heading(page, "Check your mail")
    yield "/check-your-mail password"
    mail = page.get_by_role("listitem").filter(has_text=guest.person.email)
    page.goto("/dev/mail")
    for _ in range(50):
        if mail.count():
            break
        page.reload()
    yield "/dev/mail"
    mail.get_by_role("link").click()
    expect(page.get_by_role("region", name="Text part")).to_be_visible()
    yield "/dev/mail/one"


def opening_links(guest: Guest) -> Iterator[str]:
    page = guest.page
    for kind, purpose in (
        ("verify", Purpose.VERIFY_EMAIL),
        ("not-me", Purpose.DISOWN_SIGN_IN),
        ("undo", Purpose.UNDO_EMAIL_CHANGE),
    ):
        path = guest.link(kind, purpose)
        page.goto(path)
        yield f"/{kind}"
        if kind == "verify":
            guest.press_in_vain("Confirm this address", path)
            yield "/verify refused"
    path = guest.link("reset", Purpose.RESET_PASSWORD)
    page.goto(path)
    yield "/reset"
    guest.fill("New password", SHORT)
    guest.press_in_vain("Set the password", path)
    yield "/reset refused"
    give_passkey(plug_in(page), guest.site.app, guest.person)
    page.goto(path)
    expect(page.get_by_label("Remove these passkeys")).not_to_be_checked()
    yield "/reset passkeys"
    guest.open_dead_link("reset")
    yield "dead link"


def signing_in(guest: Guest) -> Iterator[str]:
    page = guest.page
    plug_in(page).verify_user(False)
    page.goto("/login")
    guest.press("Sign in with a passkey")
    expect(page.get_by_role("alert").filter(has_text="No passkey was used.")).to_be_visible()
    yield "/login passkey refused"
    turn_on_second_factor(guest.site.app, guest.person)
    fill_in(page, guest.person)
    submit(page)
    expect_heading(page, "Enter your code")
    yield "/login/code"
    guest.press_in_vain("Go on", "/login/code")
    yield "/login/code refused"


def changing(guest: Guest) -> Iterator[str]:
    guest.enter()
    guest.page.goto("/account/security")
    yield "/account/security"
    guest.press_in_vain("Change password", "/account/security/password")
    yield "/account/security password refused"
    guest.press_in_vain("Change address", "/account/security/email")
    yield "/account/security address refused"


def proving_and_leaving(guest: Guest) -> Iterator[str]:
    guest.enter()
    with a_while_later(guest.site):
        for path, button in (("/account/confirm", "Go on"), ("/account/delete", "Delete my account")):
            guest.page.goto(path)
            yield path
            guest.press_in_vain(button, path)
            yield f"{path} refused"


def protecting(guest: Guest) -> Iterator[str]:
    page = guest.page
    plug_in(page)
    guest.enter()
    page.goto("/account/security")
    guest.press("Set it up")
    expect(page.get_by_role("button", name="Copy the key")).to_be_visible()
    yield "/account/security/totp"
    key = page.locator(".secret code").inner_text().replace(" ", "")
    guest.press_in_vain("Turn it on", "/account/security/totp")
    yield "/account/security/totp refused"
    guest.fill("Code", pyotp.TOTP(key).now())
    guest.press("Turn it on")
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    yield "recovery codes"
    page.goto("/account/security")
    guest.fill("Name of the new passkey", PASSKEY)
    guest.press("Add")
    page.get_by_text("Change Laptop with").click()
    expect(page.get_by_role("link", name="Turn it off")).to_be_visible()
    yield "/account/security with all"
    guest.press("Add")
    expect(page.get_by_role("alert").filter(has_text="already")).to_be_visible()
    yield "/account/security passkey refused"
    page.goto("/account/security/totp/remove")
    yield "/account/security/totp/remove"
    guest.press_in_vain("Turn it off", "/account/security/totp/remove")
    yield "/account/security/totp/remove refused"


JOURNEYS: list[Callable[[Guest], Iterator[str]]] = [
    signing_up,
    forgetting,
    opening_links,
    signing_in,
    changing,
    proving_and_leaving,
    protecting,
]
