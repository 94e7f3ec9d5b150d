"""Passkeys in Chromium, with its virtual authenticator: adding, naming and removing them."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.account_pages import ON_SECURITY
from tests.browser.looks import check_nothing_scrolls_sideways
from tests.browser.mail_sink import MailedSite
from tests.browser.passkey_pages import passkeys_of, sign_out, use_passkey
from tests.browser.site import Person, enter, refresh_cookie
from tests.browser.virtual_authenticator import VirtualAuthenticator, give_passkey
from tests.browser.watch import Watch

Browse = Callable[..., BrowserContext]


def press_add(page: Page, name: str) -> None:
    page.get_by_label("Name of the new passkey").fill(name)
    page.get_by_role("button", name="Add", exact=True).click()


def test_a_passkey_is_added_listed_and_mailed_about_and_a_device_holds_one(
    visitor: Page, device: VirtualAuthenticator, person: Person, site: MailedSite
) -> None:
    """A name that cannot be listed is refused with words, before anybody shows a finger."""
    enter(visitor.context, site.url, person)
    visitor.goto("/account/security")
    for name in (" ", "x" * 61):
        press_add(visitor, name)
        expect(visitor.get_by_label("Name of the new passkey")).to_have_accessible_description(
            re.compile("60 characters")
        )
        assert device.credentials == []
    press_add(visitor, "Laptop")
    expect(visitor.get_by_role("status").filter(has_text="The passkey is added.")).to_be_visible()
    expect(visitor).to_have_url(ON_SECURITY)
    expect(passkeys_of(visitor).filter(has_text="Laptop")).to_contain_text("not used yet")
    (credential,) = device.credentials
    assert credential["isResidentCredential"]
    assert credential["rpId"] == "localhost"
    site.mails.take(person.email, "A passkey was added")
    press_add(visitor, "Twice")
    message = visitor.get_by_role("alert").filter(has_text="This device has a passkey for your account already.")
    expect(message).to_be_visible()
    visitor.reload()
    expect(passkeys_of(visitor)).to_have_count(1)
    assert len(device.credentials) == 1


def test_a_passkey_added_after_a_form_error_does_not_send_that_form_again(
    visitor: Page, device: VirtualAuthenticator, person: Person, site: MailedSite, watch: Watch
) -> None:
    """A10: one wrong password is one failure."""
    watch.allow_status(422, "/account/security/password")
    enter(visitor.context, site.url, person)
    visitor.goto("/account/security")
    sent: list[str] = []
    visitor.on("request", lambda request: sent.append(f"{request.method} {request.url.removeprefix(site.url)}"))
    visitor.get_by_label("Current password", exact=True).fill("not the password")
    visitor.get_by_label("New password", exact=True).fill("lantern orbit gravel mitten")
    visitor.get_by_role("button", name="Change password").click()
    expect(visitor.get_by_role("alert").filter(has_text="There is a problem")).to_be_visible()
    press_add(visitor, "Laptop")
    expect(passkeys_of(visitor).filter(has_text="Laptop")).to_be_visible()
    assert sent.count("POST /account/security/password") == 1


def test_a_passkey_is_renamed_and_removed_and_signs_in_no_more(
    owner: Page, device: VirtualAuthenticator, person: Person, site: MailedSite, watch: Watch
) -> None:
    watch.allow_status(401, "/api/login/passkey")
    owner.goto("/account/security")
    owner.get_by_text("Change Laptop").click()
    passkeys_of(owner).get_by_label("Name").fill("Kitchen")
    owner.get_by_role("button", name="Rename").click()
    expect(owner.get_by_role("status").filter(has_text="The passkey has its new name.")).to_be_visible()
    owner.get_by_text("Change Kitchen").click()
    owner.get_by_role("button", name="Remove Kitchen").click()
    expect(owner.get_by_role("status").filter(has_text="The passkey is removed.")).to_be_visible()
    expect(passkeys_of(owner)).to_have_count(0)
    site.mails.take(person.email, "A passkey was removed")
    assert len(device.credentials) == 1  # the device does not know
    sign_out(owner)
    owner.goto("/login")
    use_passkey(owner)
    expect(owner.get_by_role("alert")).to_be_visible()
    assert refresh_cookie(owner.context) is None


def test_a_long_name_does_not_push_the_page_sideways(
    visitor: Page, device: VirtualAuthenticator, person: Person, site: MailedSite
) -> None:
    enter(visitor.context, site.url, person)
    give_passkey(device, site.app, person, name="W" * 60)
    visitor.goto("/account/security")
    check_nothing_scrolls_sideways(visitor)
    visitor.get_by_text("Change WWW").click()
    check_nothing_scrolls_sideways(visitor)


def test_without_javascript_the_pages_offer_no_ceremony_and_say_what_it_needs(
    browse: Browse, person: Person, site: MailedSite
) -> None:
    page = browse(site.url, java_script_enabled=False).new_page()
    page.goto("/login")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    enter(page.context, site.url, person)
    page.goto("/account/security")
    expect(page.get_by_label("Name of the new passkey")).to_be_hidden()
    # Playwright's own search for text passes over <noscript>.
    expect(page.locator("noscript p", has_text="Adding a passkey needs JavaScript.")).to_be_visible()


def test_after_a_while_adding_one_asks_for_the_password_and_leads_back(
    visitor: Page, device: VirtualAuthenticator, person: Person, site: MailedSite, watch: Watch
) -> None:
    """V08, P12: a session left open must not be turned into a key to the account."""
    watch.allow_status(403, "/api/passkeys/options")
    enter(visitor.context, site.url, person)
    site.server.move_clock(16 * 60)
    try:
        visitor.goto("/account/security")
        press_add(visitor, "Laptop")
        expect(visitor).to_have_url(re.compile(r"/account/confirm\?next=/account/security$"))
        assert device.credentials == []
        visitor.get_by_label("Password", exact=True).fill(person.password)
        visitor.get_by_role("button", name="Go on").click()
        expect(visitor).to_have_url(ON_SECURITY)
        press_add(visitor, "Laptop")
        expect(passkeys_of(visitor)).to_have_count(1)
    finally:
        site.server.move_clock(0)
