"""What proves who one is, changed; one's data taken, the account left; and the password asked for once more."""

import json
import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Download, Page, expect

from tests.browser.account_pages import (
    NEW_PASSWORD,
    ON_DEVICES,
    WITH_AND_WITHOUT_JS,
    expect_dead_link,
    set_new_password,
)
from tests.browser.mail_sink import MailedSite, text_of
from tests.browser.site import Person, enter, expect_signed_in, expect_signed_out, refresh_cookie
from tests.browser.watch import Watch

PAST_FRESHNESS = 16 * 60  # seconds
Browse = Callable[..., BrowserContext]


def test_a_changed_password_signs_the_other_devices_out_and_keeps_this_one(
    member: Page, elsewhere: Page, person: Person, site: MailedSite, watch: Watch
) -> None:
    """V05, A10: a wrong present one changes nothing, and that is said beside the field."""
    watch.allow_status(422, "/account/security/password")
    current = member.get_by_label("Current password", exact=True)
    new = member.get_by_label("New password", exact=True)

    def change(password: str) -> None:
        current.fill(password)
        new.fill(NEW_PASSWORD)
        member.get_by_role("button", name="Change password").click()

    member.goto("/account/security")
    change("not the password")
    expect(member.get_by_role("alert").filter(has_text="There is a problem")).to_be_focused()
    expect(current).to_have_attribute("aria-invalid", "true")
    expect(current).to_have_value("")
    expect(new).to_have_value("")
    expect_signed_in(elsewhere)
    change(person.password)
    expect(member.get_by_role("status").filter(has_text="Your password is changed.")).to_be_visible()
    expect_signed_in(member)
    expect_signed_out(elsewhere, "Your password was changed on another of your devices.")
    site.mails.take(person.email, "Your password was changed")
    enter(elsewhere.context, site.url, Person(person.email, NEW_PASSWORD))


@WITH_AND_WITHOUT_JS
def test_an_address_is_changed_by_a_link_to_the_new_one_and_given_back_by_a_link_to_the_old_one(
    member: Page, person: Person, site: MailedSite, watch: Watch, browse: Browse
) -> None:
    """P08: password first, the old address stays until the new one is confirmed, and can undo it."""
    watch.allow_status(422, "/account/security/email")
    moved = Person(f"new-{person.email}", person.password)
    member.goto("/account/security")
    for password in ("not the password", person.password):
        member.get_by_label("New email address").fill(moved.email)
        member.get_by_role("textbox", name="Password", exact=True).fill(password)
        member.get_by_role("button", name="Change address").click()
        if password != person.password:
            expect(member.get_by_role("alert").filter(has_text="There is a problem")).to_be_visible()
    expect(member.get_by_role("status").filter(has_text=f"We have sent a link to {moved.email}.")).to_be_visible()
    assert moved.email in text_of(site.mails.take(person.email, "Your address is about to change"))
    link = site.mails.take_link(moved.email, "Confirm your new address")
    member.goto(link)
    expect(member.get_by_text(moved.email)).to_be_visible()
    member.get_by_role("button", name="Confirm this address").click()
    expect(member.get_by_role("status").filter(has_text="Your address is changed")).to_be_visible()
    member.goto("/account/security")
    expect(member.get_by_text(moved.email)).to_be_visible()

    undo = site.mails.take_link(person.email, "Your address was changed")
    owner = browse(site.url).new_page()
    owner.goto(undo)
    expect(owner.get_by_text(person.email)).to_be_visible()
    expect_signed_in(member)
    owner.get_by_role("button", name="Undo the change").click()
    expect(owner).to_have_url(re.compile("/reset/"))
    expect_signed_out(member, "The change of your address was undone.")
    set_new_password(owner)
    enter(owner.context, site.url, Person(person.email, NEW_PASSWORD))
    expect_dead_link(owner, undo, watch)


# --- taking one's data, and leaving -----------------------------------------------------------------------


def test_an_account_is_deleted_with_its_password_and_nothing_less(
    member: Page, elsewhere: Page, person: Person, site: MailedSite, watch: Watch
) -> None:
    """T20, V06: every device is out at its next request, and the password opens nothing any more."""
    watch.allow_status(422, "/account/delete")
    member.goto("/account/security")
    with member.expect_download() as download:
        member.get_by_role("link", name="Download my data").click()
    check_data(download.value, person)
    member.get_by_role("link", name="Delete my account").click()
    for password in ("not the password", person.password):
        expect_signed_in(elsewhere)
        member.get_by_label("Password", exact=True).fill(password)
        member.get_by_role("button", name="Delete my account").click()
        if password != person.password:
            expect(member.get_by_role("alert").filter(has_text="There is a problem")).to_be_visible()
    expect(member.get_by_role("status").filter(has_text="Your account is deleted.")).to_be_visible()
    assert refresh_cookie(member.context) is None
    expect_signed_out(elsewhere, "Sign in to go on.")
    site.mails.take(person.email, "Your account is deleted")
    login = {"email": person.email, "password": person.password, "transport": "cookie"}
    assert member.context.request.post("/api/login", data=login).status == 401


def check_data(download: Download, person: Person) -> None:
    """The file names the account and holds no secret of it."""
    assert re.fullmatch(r"evergreen-\d{4}-\d\d-\d\d\.json", download.suggested_filename)
    text = download.path().read_text()
    assert person.email in json.dumps(json.loads(text))
    assert "argon2" not in text
    assert "eyJ" not in text


# --- the password once more --------------------------------------------------------------------------------


def test_after_a_while_ending_another_device_asks_for_the_password_and_leads_back(
    member: Page, elsewhere: Page, person: Person, site: MailedSite, watch: Watch
) -> None:
    """V08: 15 minutes after the sign-in the password is asked for once more."""
    watch.allow_status(422, "/account/confirm")
    expect_signed_in(elsewhere)
    others = member.get_by_role("listitem").filter(has=member.locator("h2")).filter(has_not_text="This device")
    sign_out = others.get_by_role("button", name=re.compile("^Sign out"))
    site.server.move_clock(PAST_FRESHNESS)
    try:
        member.goto("/account/sessions")
        sign_out.click()
        expect(member).to_have_url(re.compile(r"/account/confirm\?next="))
        expect_signed_in(elsewhere)
        member.get_by_label("Password", exact=True).fill("not the password")
        member.get_by_role("button", name="Go on").click()
        expect(member.get_by_role("alert").filter(has_text="There is a problem")).to_be_visible()
        member.get_by_label("Password", exact=True).fill(person.password)
        member.get_by_role("button", name="Go on").click()
        expect(member).to_have_url(ON_DEVICES)
        sign_out.click()
        expect(member.get_by_role("status").filter(has_text="That device is signed out.")).to_be_visible()
        expect_signed_out(elsewhere, "You were signed out from another of your devices.")
    finally:
        site.server.move_clock(0)
