"""Everything that one does with an account, by its pages and the links of its mails; the latter without scripts too."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Download, Page, expect

from tests.browser.account_pages import NEW_PASSWORD, ask_for_link, set_new_password, sign_up
from tests.browser.mail_sink import MailedSite, link_of, serve_with_mail, text_of
from tests.browser.site import ON_LOGIN, Person, enter, expect_signed_in, expect_signed_out, refresh_cookie
from tests.browser.watch import Watch

WITH_AND_WITHOUT_JS = pytest.mark.parametrize("has_js", [True, False], ids=["js", "no-js"], indirect=True)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ON_ACCOUNT = re.compile(r"^\w+://[^/]+/account$")
ON_DEVICES = re.compile(r"^\w+://[^/]+/account/sessions$")
PAST_FRESHNESS = 16 * 60  # seconds

Browse = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailedSite]:
    with serve_with_mail(tmp_path_factory.mktemp("accounts")) as site:
        yield site


@pytest.fixture
def member(visitor: Page, person: Person, site: MailedSite) -> Page:
    """The visitor's page, with `person` signed in."""
    enter(visitor.context, site.url, person)
    return visitor


@pytest.fixture
def elsewhere(browse: Browse, site: MailedSite, person: Person) -> Page:
    """Another browser in which `person` is signed in."""
    context = browse(site.url, user_agent=FIREFOX)
    enter(context, site.url, person)
    return context.new_page()


def expect_dead_link(page: Page, link: str, watch: Watch) -> None:
    watch.allow(rf"Failed to load resource: .* status of 4\d\d .*at {re.escape(link)}")
    reply = page.goto(link)
    assert reply is not None
    assert reply.status in (400, 404, 410), reply.status
    expect(page.get_by_role("main").get_by_role("link").first).to_be_visible()
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)


# --- signing up ------------------------------------------------------------------------------------------


@WITH_AND_WITHOUT_JS
def test_signing_up_leads_by_the_link_of_a_mail_to_a_confirmed_account(
    visitor: Page, site: MailedSite, watch: Watch, has_js: bool
) -> None:
    """P05, P09: opening the link changes nothing, its button confirms once."""
    ada = Person(f"ada-{has_js}@example.com".lower(), NEW_PASSWORD)
    sign_up(visitor, ada.email)
    link = site.mails.take_link(ada.email, "Confirm your address")
    assert link.startswith(f"{site.url}/verify/")
    for _ in range(2):
        visitor.goto(link)
        expect(visitor.get_by_text(ada.email)).to_be_visible()
    confirm = visitor.get_by_role("button", name="Confirm this address")
    watch.allow_status(422, link.removeprefix(site.url))
    visitor.get_by_label("Password", exact=True).fill("not the password")
    confirm.click()
    expect(visitor.get_by_role("alert")).to_contain_text("That is not the password of this account.")
    visitor.get_by_label("Password", exact=True).fill(ada.password)
    confirm.click()
    expect(visitor).to_have_url(ON_ACCOUNT)
    expect(visitor.get_by_role("status").filter(has_text="Your address is confirmed.")).to_be_visible()
    expect(visitor.get_by_label("First name")).to_have_value("Ada")
    expect(visitor.get_by_text("Confirm your address")).to_have_count(0)
    expect_dead_link(visitor, link, watch)


def test_no_page_tells_whether_an_address_has_an_account(visitor: Page, person: Person, site: MailedSite) -> None:
    """A01, A03: signing up and asking for a new password look the same for both; only the mail differs."""

    def shown() -> tuple[str, str, str | None]:
        visitor.wait_for_load_state()
        return visitor.url, visitor.title(), visitor.get_by_role("main").text_content()

    pages = []
    for email in ("nobody@example.com", person.email):
        sign_up(visitor, email)
        signed_up = shown()
        ask_for_link(visitor, email)
        pages.append((signed_up, shown()))
    assert pages[0] == pages[1]
    assert link_of(site.mails.take(person.email, "You have an account already")) == f"{site.url}/login"


# --- getting back in -------------------------------------------------------------------------------------


@WITH_AND_WITHOUT_JS
def test_a_forgotten_password_is_set_anew_by_mail_and_signs_out_everywhere(
    visitor: Page, elsewhere: Page, person: Person, site: MailedSite, watch: Watch
) -> None:
    """P01, P05, P06: one use, no sign-in by it, and every session ends."""
    expect_signed_in(elsewhere)
    ask_for_link(visitor, person.email)
    link = site.mails.take_link(person.email, "Set a new password")
    expect_signed_in(elsewhere)
    visitor.goto(link)
    set_new_password(visitor)
    expect(visitor).to_have_url(ON_LOGIN)
    expect_signed_out(elsewhere, "Your password was set anew.")
    enter(visitor.context, site.url, Person(person.email, NEW_PASSWORD))
    assert person.email in text_of(site.mails.take(person.email, "Your password was changed"))
    expect_dead_link(visitor, link, watch)


def test_the_mail_about_a_new_device_signs_that_device_out_and_leads_to_a_new_password(
    member: Page, elsewhere: Page, person: Person, site: MailedSite, watch: Watch
) -> None:
    """P05: opening the link ends nothing, its button ends that one session; the new password ends the rest."""
    mail = site.mails.take(person.email, "New sign-in to your account")
    assert "Firefox" in text_of(mail)
    link = link_of(mail)
    member.goto(link)
    expect_signed_in(elsewhere)
    member.get_by_role("button", name="Sign that device out").click()
    expect(member).to_have_url(re.compile("/reset/"))
    expect_signed_out(elsewhere, "You said that this sign-in was not you.")
    set_new_password(member)
    enter(member.context, site.url, Person(person.email, NEW_PASSWORD))
    expect_dead_link(member, link, watch)


# --- changing what proves who one is ----------------------------------------------------------------------


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
    expect(member.get_by_role("status").filter(has_text="Your address is confirmed.")).to_be_visible()
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
