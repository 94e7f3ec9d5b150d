"""Signing up, and getting back in, by the pages and the links of mails; without scripts too."""

import re

from playwright.sync_api import Page, expect

from tests.browser.account_pages import (
    NEW_PASSWORD,
    ON_ACCOUNT,
    WITH_AND_WITHOUT_JS,
    ask_for_link,
    expect_dead_link,
    set_new_password,
    sign_up,
)
from tests.browser.mail_sink import MailedSite, link_of, text_of
from tests.browser.site import ON_LOGIN, Person, enter, expect_signed_in, expect_signed_out, fill_in, submit
from tests.browser.watch import Watch


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


def test_an_international_address_is_one_wherever_the_browser_sends_it(visitor: Page, site: MailedSite) -> None:
    """I06: neither the browser nor mail makes strasse.de of it, which is somebody else's."""
    ada = Person("ada@straße.de", NEW_PASSWORD)
    sign_up(visitor, ada.email)
    site.mails.take("ada@xn--strae-oqa.de", "Confirm your address")
    visitor.goto("/login")
    fill_in(visitor, ada)
    submit(visitor)
    expect(visitor).to_have_url(ON_ACCOUNT)
    visitor.goto("/account/security")
    expect(visitor.get_by_text(ada.email)).to_be_visible()


def test_no_page_tells_whether_an_address_has_an_account(visitor: Page, person: Person, site: MailedSite) -> None:
    """A01, A03: signing up and asking for a new password look the same for both; only the mail differs."""

    def shown(email: str) -> tuple[str, str, str]:
        visitor.wait_for_load_state()
        text = visitor.get_by_role("main").text_content() or ""
        assert email in text  # as it was typed
        return visitor.url, visitor.title(), text.replace(email, "it")

    pages = []
    for email in ("nobody@example.com", person.email):
        sign_up(visitor, email)
        signed_up = shown(email)
        ask_for_link(visitor, email)
        pages.append((signed_up, shown(email)))
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


def test_the_mail_about_a_new_device_signs_every_device_out_and_leads_to_a_new_password(
    member: Page, elsewhere: Page, person: Person, site: MailedSite, watch: Watch
) -> None:
    """P05: opening the link ends nothing, its button every session."""
    mail = site.mails.take(person.email, "New sign-in to your account")
    assert "Firefox" in text_of(mail)
    link = link_of(mail)
    member.goto(link)
    expect_signed_in(elsewhere)
    member.get_by_role("button", name="Sign out every device").click()
    expect(member).to_have_url(re.compile("/reset/"))
    expect_signed_out(elsewhere, "You said that a sign-in was not you.")
    set_new_password(member)
    enter(member.context, site.url, Person(person.email, NEW_PASSWORD))
    expect_dead_link(member, link, watch)
