"""An administrator ends stolen sessions, and those feel it at once; without JavaScript, but where it says so."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk_pages import ENDED_BY_OPERATOR, address_of, expect_told
from tests.browser.site import FIREFOX, ON_LOGIN, Person, Site, expect_signed_in, expect_signed_out
from tests.browser.watch import Watch

OpenAccount = Callable[..., Page]
COUNT_CLICKS = """addEventListener("click", ({ isTrusted }) => {
    if (isTrusted) sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1;
}, true);"""


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
