"""What an administrator does, and what those feel with whom it is done; without JavaScript, but where it says so."""

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.desk_pages import ENDED_BY_OPERATOR, FIREFOX, PAST_FRESHNESS, address_of, change, new_administrator
from tests.browser.desk_past import add_users, name_passkey, sign_in_program
from tests.browser.site import Person, Site, enter
from tests.browser.test_accounts import expect_signed_in, expect_signed_out
from tests.browser.watch import Watch
from webapp import throttle
from webapp.web.admin_acts import ACTS

Browse = Callable[..., BrowserContext]
OpenAccount = Callable[..., Page]
ON_CONFIRM = re.compile(r"/account/confirm\?next=")
ON_LOGIN = re.compile(r"/login(\?|$)")
COUNT_CLICKS = """addEventListener("click", ({ isTrusted }) => {
    if (isTrusted) sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1;
}, true);"""
HEADERS = {
    "users": ["id", "address", "first name", "last name", "confirmed", "administrator", "active"],
    "sessions": ["session", "user id", "address", "active", "device", "ip", "transport"],
    "events": ["at", "event", "user id", "address", "actor id", "actor", "ip"],
}


@pytest.fixture
def person(site: Site) -> Person:
    """An administrator; those with whom something is done are others."""
    return new_administrator(site)


@pytest.fixture
def has_js(request: pytest.FixtureRequest) -> bool:
    return bool(getattr(request, "param", False))


@pytest.fixture
def desk(browse: Browse, site: Site, person: Person, has_js: bool) -> Page:
    """The administrator's page, signed in; it runs no scripts unless the test asks for them."""
    context = browse(site.url, java_script_enabled=has_js)
    enter(context, site.url, person)
    return context.new_page()


@pytest.fixture
def victim(site: Site) -> Person:
    return site.new_person("victim", first_name="Vera", last_name="Victim")


@contextmanager
def a_while_later(site: Site) -> Iterator[None]:
    site.server.move_clock(PAST_FRESHNESS)
    try:
        yield
    finally:
        site.server.move_clock(0)


@pytest.fixture
def open_account(browse: Browse, site: Site) -> OpenAccount:
    """A function that signs a person in with another browser, and returns its page with the account on it."""

    def open_account(person: Person, **options: Any) -> Page:
        context = browse(site.url, **options)
        enter(context, site.url, person)
        page = context.new_page()
        page.goto("/account")
        return page

    return open_account


def expect_told(desk: Page, what: str) -> None:
    expect(desk.get_by_role("status").filter(has_text=what)).to_be_visible()


def prove_it_is_you(desk: Page, person: Person) -> None:
    expect(desk).to_have_url(ON_CONFIRM)
    desk.get_by_label("Password", exact=True).fill(person.password)
    desk.get_by_role("button", name="Go on").click()


# --- a stolen session --------------------------------------------------------------------------------------


def by_the_users_page(desk: Page, victim: Person) -> None:
    desk.get_by_role("link", name=victim.email).first.click()
    desk.get_by_role("button", name=re.compile("^End the session of Firefox on Linux, last seen")).click()


def by_a_tick(desk: Page, victim: Person) -> None:
    row = desk.get_by_role("row").filter(has_text="Firefox on Linux")
    row.get_by_role("checkbox", name=re.compile(f"^Firefox on Linux of {victim.email}, last seen")).click()
    desk.get_by_role("button", name="End the ticked sessions").click()


@pytest.mark.parametrize("has_js", [True], ids=["js"], indirect=True)
@pytest.mark.parametrize("end", [by_the_users_page, by_a_tick])
def test_a_stolen_session_ends_in_two_clicks_and_the_thiefs_next_request_fails(
    desk: Page, open_account: OpenAccount, watch: Watch, victim: Person, end: Callable[[Page, Person], None]
) -> None:
    """V06: the page that the thief has open leads to the sign-in, the client in it is told that the session is over."""
    thief = open_account(victim, user_agent=FIREFOX)
    client = thief.context.new_page()
    client.goto("/account/tokens")
    call = client.get_by_role("button", name="Call the API")
    call.click()
    expect(client.get_by_role("log")).to_contain_text("sent GET /api/me → 200")
    owner = open_account(victim)

    desk.add_init_script(COUNT_CLICKS)
    desk.goto(f"/admin/sessions?user={victim.email}")
    end(desk, victim)
    expect_told(desk, "Ended 1 session. The next request of each will be refused.")
    assert desk.evaluate("sessionStorage.clicks") == "2"

    for path in ("/api/me", "/api/refresh"):
        watch.allow_status(401, path)
    with client.expect_response("**/api/me") as answer:
        call.click()
    assert answer.value.status == 401
    # The client leaves the body of a refusal unread, and so no tool can read it either: the same call once more.
    token = answer.value.request.headers["authorization"]
    again = client.context.request.get("/api/me", headers={"Authorization": token})
    assert (again.status, again.json()["code"]) == (401, "session_ended")
    expect(client.get_by_role("alert")).to_contain_text("You are signed out.")
    thief.get_by_role("navigation", name="Main").get_by_role("link", name="Security").click()
    expect(thief).to_have_url(ON_LOGIN)
    expect_signed_in(owner)


def test_ending_all_sessions_of_a_user_shows_in_their_other_browsers_at_the_next_request(
    desk: Page, open_account: OpenAccount, site: Site, victim: Person
) -> None:
    laptop, phone = (open_account(victim, user_agent=agent) for agent in (FIREFOX, None))
    desk.goto(address_of(site, victim))
    desk.get_by_role("link", name="End all sessions").click()
    expect(desk.get_by_text("Every device is signed out at its next request.")).to_be_visible()
    expect_signed_in(laptop)
    desk.get_by_role("button", name="End all sessions").click()
    expect_told(desk, "All sessions are ended.")
    for browser in (laptop, phone):
        browser.get_by_role("navigation", name="Main").get_by_role("link", name="Devices").click()
        expect(browser).to_have_url(ON_LOGIN)
        expect_told(browser, ENDED_BY_OPERATOR)


def test_signing_out_everywhere_else_shows_in_another_browser_at_its_next_request(
    desk: Page, open_account: OpenAccount, person: Person
) -> None:
    """By the account's own list of devices."""
    other = open_account(person, user_agent=FIREFOX)
    desk.goto("/account/sessions")
    desk.get_by_role("button", name="Sign out all other devices").click()
    expect(desk.get_by_text("You are signed in nowhere else.")).to_be_visible()
    other.get_by_role("navigation", name="Main").get_by_role("link", name="Admin").click()
    expect(other).to_have_url(ON_LOGIN)
    expect_told(other, "You were signed out from another of your devices.")
    expect_signed_in(desk)


def test_ticked_sessions_end_together_and_the_rest_goes_on(
    desk: Page, open_account: OpenAccount, victim: Person
) -> None:
    browsers = [open_account(victim, user_agent=f"thing{number}/1 CFNetwork/1 Darwin/22") for number in "123"]
    desk.goto(f"/admin/sessions?user={victim.email}&device=thing")
    end = desk.get_by_role("button", name="End the ticked sessions")
    end.click()
    expect_told(desk, "No session was ticked.")
    expect(desk.get_by_label("User: address or number")).to_have_value(victim.email)
    for name in ("thing1", "thing3"):
        desk.get_by_role("checkbox", name=re.compile(f"^{name} on iOS of {victim.email}")).check()
    end.click()
    expect_told(desk, "Ended 2 sessions.")
    expect(desk.get_by_role("row").nth(1)).to_contain_text("thing2")
    expect(desk.get_by_role("row")).to_have_count(2)
    expect_signed_out(browsers[0], ENDED_BY_OPERATOR)
    expect_signed_in(browsers[1])
    expect_signed_out(browsers[2], ENDED_BY_OPERATOR)


# --- what can be done with a user --------------------------------------------------------------------------


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


# --- lists -------------------------------------------------------------------------------------------------


def addresses(desk: Page) -> list[str]:
    return [text.split("@", maxsplit=1)[0] for text in desk.locator("tbody th a").all_inner_texts()]


def show(desk: Page, **choices: str) -> None:
    for label, choice in choices.items():
        desk.get_by_label(label).select_option(label=choice)
    desk.get_by_role("button", name="Show").click()


def test_users_are_searched_filtered_sorted_and_leafed_through(desk: Page, site: Site) -> None:
    add_users(site, "Pagewright", 27)
    everybody = [f"pagewright{number:03}" for number in range(27)]
    desk.goto("/admin/users")
    desk.get_by_label("Address, name or number").fill("row PAGEWRIGHT")
    show(desk, Order="By address")
    expect(desk.get_by_role("status")).to_have_text("27 users")
    assert addresses(desk) == everybody[:25]
    desk.get_by_role("link", name="Next page").click()
    assert addresses(desk) == everybody[25:]
    expect(desk.get_by_role("link", name="Next page")).to_have_count(0)
    desk.get_by_role("link", name="Previous page").click()
    assert addresses(desk) == everybody[:25]
    show(desk, Order="Newest first")
    assert addresses(desk) == everybody[:1:-1]
    show(desk, Order="Oldest first")
    assert addresses(desk) == everybody[:25]
    change(site, Person("pagewright007@example.com"), is_active=False)
    show(desk, State="Deactivated")
    assert addresses(desk) == ["pagewright007"]
    desk.get_by_role("link", name="pagewright007@").click()
    expect(desk.get_by_role("heading", level=1, name="pagewright007@example.com")).to_be_visible()
    expect(desk.get_by_text("Deactivated", exact=True)).to_be_visible()


def download(desk: Page, act: Callable[[], None]) -> tuple[str, list[list[str]]]:
    """Return the name and the lines of the file that the act brings."""
    with desk.expect_download() as expected:
        act()
    with expected.value.path().open(newline="") as file:
        return expected.value.suggested_filename, list(csv.reader(file))


@pytest.mark.parametrize("name", HEADERS)
def test_a_list_is_downloaded_as_it_is_filtered(desk: Page, site: Site, victim: Person, name: str) -> None:
    sign_in_program(site, victim, FIREFOX)
    desk.goto(f"/admin/{name}?{'q' if name == 'users' else 'user'}={victim.email}")
    file_name, (header, *rows) = download(desk, desk.get_by_role("link", name="Download as CSV").click)
    assert re.fullmatch(rf"{name}-\d{{4}}-\d\d-\d\d\.csv", file_name)
    assert header[:7] == HEADERS[name]
    assert len(rows) == desk.locator("tbody tr").count() > 0
    assert {row[header.index("address")] for row in rows} == {victim.email}


def test_after_a_while_the_password_is_asked_for_before_a_list_is_taken_away(
    desk: Page, site: Site, person: Person
) -> None:
    """Z06."""
    with a_while_later(site):
        desk.goto("/admin/events")
        desk.get_by_role("link", name="Download as CSV").click()
        _, (header, *rows) = download(desk, lambda: prove_it_is_you(desk, person))
    assert header[:7] == HEADERS["events"]
    assert ["exported", person.email] in [[row[1], row[5]] for row in rows]
