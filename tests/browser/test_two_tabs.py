"""Two tabs of one browser share a cookie: they renew side by side, and signing out in one ends both."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.shop import MORE_PATIENCE, wait_until_another_waits
from tests.browser.site import JOHN, Person, Site, enter, fill_in, refresh_cookie, submit
from tests.browser.watch import Watch
from tests.support.live import LiveServer

Browse = Callable[..., BrowserContext]

# One to three refreshes at an odd moment; what each was answered.
REFRESH_SOON = """(round) => {
    const refresh = async () => (await fetch("/api/refresh", { method: "POST" })).status;
    const burst = () => Promise.all(Array.from({ length: 1 + (round % 3) }, refresh));
    globalThis.answers = new Promise((resolve) => setTimeout(resolve, Math.random() * 50)).then(burst);
}"""
REFRESH_AND_CALL = """async () => {
    const refreshed = await fetch("/api/refresh", { method: "POST" });
    const { access_token } = await refreshed.json();
    const me = await fetch("/api/me", { headers: { Authorization: `Bearer ${access_token}` } });
    return [refreshed.status, me.status];
}"""
INSTALL_CLIENT = """async () => {
    const { createAuth } = await import("/static/js/evergreen/index.js");
    globalThis.ends = [];
    globalThis.auth = createAuth({ onSignedOut: (event) => ends.push(event.detail.reason) });
    await auth.ready;
}"""


@pytest.fixture
def tabs(browse: Browse, site: Site, person: Person) -> tuple[Page, Page]:
    context = browse(site.url)
    enter(context, site.url, person)
    first, second = context.new_page(), context.new_page()
    for tab in (first, second):
        tab.goto("/account/tokens")
        expect(tab.get_by_role("button", name="Call the API")).to_be_enabled()
    return first, second


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def test_both_tabs_renew_in_turn_and_neither_is_signed_out(tabs: tuple[Page, Page]) -> None:
    for _ in range(3):
        for tab in tabs:
            refreshed = tab.get_by_text("refreshed by cookie")
            before = refreshed.count()
            press(tab, "Refresh now")
            expect(refreshed).to_have_count(before + 1)
    for tab in tabs:
        press(tab, "Call the API")
        expect(tab.locator("[data-count=answered]")).to_have_text("1")
        expect(tab.locator("[data-count=interrupted]")).to_have_text("0")


def test_both_tabs_refresh_at_the_same_moments_and_the_cookie_still_works(tabs: tuple[Page, Page]) -> None:
    answers = []
    for number in range(15):
        for tab in tabs:
            tab.evaluate(REFRESH_SOON, number)
        answers += [status for tab in tabs for status in tab.evaluate("answers")]
    assert answers == [200] * 60
    for tab in tabs:
        tab.goto("/account")
        expect(tab.get_by_role("heading", name="Account")).to_be_visible()


def test_a_request_that_comes_late_is_served_and_leaves_the_cookie_alone(
    browse: Browse, site: Site, person: Person
) -> None:
    context = browse(site.url)
    enter(context, site.url, person)
    page = context.new_page()
    page.goto("/account")
    before = refresh_cookie(context)
    assert before is not None
    assert page.evaluate(REFRESH_AND_CALL) == [200, 200]  # the call proves that the successor arrived
    assert refresh_cookie(context) != before
    # What another tab had sent by then carries the cookie of before.
    late = {name: before[name] for name in ("name", "value", "domain", "path", "httpOnly", "sameSite", "expires")}
    context.add_cookies([late])  # type: ignore[list-item]
    assert page.evaluate(REFRESH_AND_CALL) == [200, 200]
    kept = refresh_cookie(context)
    assert kept is not None and kept["value"] == before["value"]


def test_while_one_tab_refreshes_the_other_waits_and_takes_the_result(tabs: tuple[Page, Page], site: Site) -> None:
    first, second = tabs
    for tab in tabs:
        tab.evaluate(MORE_PATIENCE)
        tab.evaluate(INSTALL_CLIENT)
    second.wait_for_timeout(1100)  # tokens tell whole seconds: of two that end in the same one, neither is newer
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)
        if len(held) > 1:
            route.continue_()

    first.context.route("**/api/refresh", hold)
    with first.expect_request("**/api/refresh"):
        first.evaluate("() => { globalThis.renewed = auth.refresh() }")
    second.evaluate("() => { globalThis.renewed = auth.refresh() }")
    wait_until_another_waits(second, site.server)
    held[0].continue_()
    for tab in tabs:
        assert tab.evaluate("async () => (await renewed) === auth.user")
    assert len(held) == 1


def test_two_tabs_outlive_their_tokens_together(
    browse: Browse, live: Callable[..., AbstractContextManager[LiveServer]], watch: Watch
) -> None:
    watch.allow_status(401, "/api/me")  # Chromium notes what the server refused; the clients repeat it
    with live() as server:
        context = browse(server.url)
        enter(context, server.url, JOHN)
        tabs = context.new_page(), context.new_page()
        for tab in tabs:
            tab.goto("/account")
            tab.evaluate(INSTALL_CLIENT)
        held: list[Route] = []

        def let_two_go_together(route: Route) -> None:
            held.append(route)
            if len(held) == len(tabs):
                for waiting in tuple(held):  # one of them may be sent again before the other has gone
                    waiting.continue_()
            elif len(held) > len(tabs):
                route.continue_()

        context.route("**/api/me", let_two_go_together)
        # One that is held in vain, since the other tab does not call, is given up.
        call = "auth.fetch('/api/me', { signal: AbortSignal.timeout(30_000) })"
        # Both clients think that their tokens are good, and the server refuses both at the same moment.
        for days in (2, 4):
            server.move_clock(days * 86_400)
            held.clear()
            for tab in tabs:
                tab.evaluate(f"() => {{ globalThis.answer = {call} }}")
            assert [tab.evaluate("async () => (await answer).status") for tab in tabs] == [200, 200]
        assert [tab.evaluate("ends") for tab in tabs] == [[], []]
        assert server.log.count("GET /api/me 401") == server.log.count("GET /api/me 200") == 4


def test_signing_out_in_one_tab_ends_the_other_at_its_next_call(tabs: tuple[Page, Page], watch: Watch) -> None:
    watch.allow_status(401, "/api/me")
    watch.allow_status(401, "/api/refresh")
    first, second = tabs
    second.evaluate(INSTALL_CLIENT)
    press(first, "Sign out")
    expect(first.get_by_text("You are signed out.")).to_be_visible()
    assert second.evaluate("async () => (await auth.fetch('/api/me')).status") == 401
    assert second.evaluate("ends") == ["ended"]
    assert second.evaluate("auth.user") is None
    # The page has a client of its own, which hears it from the other.
    expect(second.get_by_role("alert")).to_contain_text("You are signed out.")


def test_a_page_in_the_other_tab_leads_to_the_sign_in_and_back(tabs: tuple[Page, Page], person: Person) -> None:
    first, second = tabs
    press(first, "Sign out")
    expect(first.get_by_text("You are signed out.")).to_be_visible()
    second.get_by_role("link", name="Devices").click()
    expect(second).to_have_url(re.compile(r"/login\?next="))
    expect(second.get_by_role("status").filter(has_text="Sign in to go on.")).to_be_visible()
    fill_in(second, person)
    submit(second)
    expect(second).to_have_url(re.compile("/account/sessions$"))


def test_a_device_signed_out_from_another_one_is_told_so(
    page: Page, browse: Browse, person: Person, site: Site
) -> None:
    enter(page.context, site.url, person)
    elsewhere = browse(site.url)
    enter(elsewhere, site.url, person)
    devices = elsewhere.new_page()
    devices.goto("/account/sessions")
    press(devices, "Sign out all other devices")
    expect(devices.get_by_text("Signed out 1 other device.")).to_be_visible()
    page.goto("/account")
    expect(page).to_have_url(re.compile(r"/login\?next="))
    reason = page.get_by_role("status").filter(has_text="You were signed out from another of your devices.")
    expect(reason).to_be_visible()
    assert refresh_cookie(page.context) is None
