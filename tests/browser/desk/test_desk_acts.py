"""What can be done with a user: asked about, done and told of, with the password once more; without JavaScript."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.desk_pages import ENDED_BY_OPERATOR, a_while_later, address_of, change, expect_told, prove_it_is_you
from tests.browser.desk_past import name_passkey
from tests.browser.site import FIREFOX, Person, Site, expect_signed_in, expect_signed_out
from tests.browser.watch import Watch
from tests.support import people
from webapp import throttle
from webapp.web.admin_acts import ACTS

OpenAccount = Callable[..., Page]


def test_each_act_is_asked_about_done_and_told_of(desk: Page, site: Site, watch: Watch, victim: Person) -> None:
    """Grave ones are typed: a wrong address is said to be one, and kept."""
    name_passkey(site, victim, "Laptop")
    change(site, victim, failed_sign_ins=throttle.FAILURES_IN_A_ROW)
    path = address_of(site, victim)
    shown_then = {
        "end-sessions": "This user has never signed in",
        "reset-password": "Reset requested",
        "unlock": "User unlocked",
        "remove-second-factor": "Passkey removed",
        "promote": "Administrator",
        "demote": "User demoted",
        "deactivate": "Deactivated",
        "activate": "User activated",
    }
    assert set(shown_then) == set(ACTS)
    for name, shown in shown_then.items():
        act = ACTS[name]
        desk.goto(path)
        desk.get_by_role("link", name=act.label, exact=True).click()
        expect(desk.get_by_role("heading", level=1, name=act.label)).to_be_visible()
        button = desk.get_by_role("button", name=act.label, exact=True)
        if act.is_typed:
            type_wrongly(desk, watch, f"{path}/{name}")
            desk.get_by_label("Type the address to confirm").fill(f" {victim.email.upper()} ")
        button.click()
        expect(desk).to_have_url(f"{site.url}{path}")
        expect_told(desk, act.done)
        expect(desk.get_by_role("main")).to_contain_text(shown)


def test_an_international_address_is_typed_as_it_stands_there(desk: Page, site: Site, watch: Watch) -> None:
    reader = Person("reader@straße.de")
    people.create_user(site.app, reader.email)
    path = f"{address_of(site, reader)}/deactivate"
    watch.allow_status(422, path)
    desk.goto(path)
    field = desk.get_by_label("Type the address to confirm")
    field.fill("reader@strasse.de")
    desk.get_by_role("button", name="Deactivate").click()
    expect(desk.get_by_role("alert")).to_contain_text("Type the address exactly as it stands above.")
    field.fill(reader.email)
    desk.get_by_role("button", name="Deactivate").click()
    expect_told(desk, ACTS["deactivate"].done)


def type_wrongly(desk: Page, watch: Watch, path: str) -> None:
    watch.allow_status(422, path)
    field = desk.get_by_label("Type the address to confirm")
    field.fill("victim@example.org")
    desk.get_by_role("main").get_by_role("button").click()
    expect(desk.get_by_role("alert")).to_contain_text("Type the address exactly as it stands above.")
    expect(desk).to_have_title(re.compile("^Error: "))
    expect(field).to_have_value("victim@example.org")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("Error: Type the address exactly"))


def test_after_a_while_the_password_is_asked_for_before_an_act_and_leads_back_to_it(
    desk: Page, site: Site, person: Person, victim: Person
) -> None:
    """Z06."""
    with a_while_later(site):
        desk.goto(address_of(site, victim))
        desk.get_by_role("link", name="Make an administrator").click()
        prove_it_is_you(desk, person)
        expect(desk.get_by_role("heading", level=1, name="Make an administrator")).to_be_visible()
        desk.get_by_label("Type the address to confirm").fill(victim.email)
        desk.get_by_role("button", name="Make an administrator").click()
        expect_told(desk, "This user is an administrator now.")


def test_after_a_while_the_password_is_asked_for_before_a_session_ends_and_leads_back_to_its_button(
    desk: Page, open_account: OpenAccount, site: Site, person: Person, victim: Person
) -> None:
    """Z06."""
    browser = open_account(victim, user_agent=FIREFOX)
    end = desk.get_by_role("button", name=re.compile("^End the session of Firefox on Linux"))
    with a_while_later(site):
        desk.goto(address_of(site, victim))
        end.click()
        expect_signed_in(browser)
        prove_it_is_you(desk, person)
        expect(desk).to_have_url(f"{site.url}{address_of(site, victim)}")
        end.click()
        expect_told(desk, "Ended 1 session.")
        expect_signed_out(browser, ENDED_BY_OPERATOR)
