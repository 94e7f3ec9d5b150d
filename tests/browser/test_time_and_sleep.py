"""Time passes in ways that a page does not notice: machines sleep, clocks are wrong, pages wait in a cache."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.front_end import FrontEnd
from tests.browser.shop import Log, call, keep_loadable, open_shops, seen_by, sign_in_at
from tests.browser.site import Person, Site, enter, serve_site
from tests.browser.watch import Watch
from tests.support.live import LiveServer

HOUR = 3600  # seconds
DAY = 24 * HOUR
# All that a browser may tell a page after a night, and the calls that the page then makes.
WAKE_AND_CALL = """() => {
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
    for (const type of ["online", "pageshow"]) dispatchEvent(new Event(type));
    return Promise.all(Array.from({ length: 10 }, () => shop.call()));
}"""
LIFE_LEFT = "(shop.auth.expiresAt - Date.now()) / 1000"
# Two pages of an origin agree about the time even while one of them is frozen.
CLOCK_THAT_CAN_BE_SET = """{
    const now = Date.now;
    Date.now = () => now() + Number(localStorage.getItem("ahead"));
}"""
NOTE_RETURN = """() => addEventListener("pageshow", ({ persisted }) => (globalThis.isFromCache = persisted))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of this file's own, because its clock is moved."""
    with serve_site(tmp_path_factory.mktemp("time")) as site:
        yield site


@pytest.mark.parametrize("hours", [8, 23.5, 25, 8 * 24])
def test_after_a_sleep_calls_succeed_with_no_more_than_the_one_refresh_that_is_due(
    context: BrowserContext, shop: FrontEnd, server: LiveServer, person: Person, hours: float
) -> None:
    context.clock.install()
    (page,) = open_shops(context, shop, person)
    log = Log(server)
    server.move_clock(hours * HOUR)
    page.clock.fast_forward(int(hours * HOUR * 1000))
    page.evaluate(WAKE_AND_CALL)
    assert seen_by(page)["statuses"] == [200] * 10
    assert seen_by(page)["failures"] == seen_by(page)["ends"] == []
    assert log.count() == (0 if hours < 24 else 1)


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_is_wrong_by_a_day_costs_no_refresh(
    page: Page, shop: FrontEnd, site: Site, watch: Watch, days: int
) -> None:
    watch.allow_status(401, "/api/refresh")  # asked on load, before anybody has signed in
    log = Log(site.server)
    page.clock.set_system_time(datetime.now(UTC) + timedelta(days=days))
    page.goto(shop.origin)
    sign_in_at(page, site.new_person())
    assert DAY - HOUR < page.evaluate(LIFE_LEFT) <= DAY
    for _ in range(10):
        call(page)
    seen = seen_by(page)
    assert seen["statuses"] == [200] * 10
    assert (seen["failures"], seen["sources"]) == ([], ["login"])
    assert log.count() == 0


@pytest.mark.parametrize("obstacle", ["offline", "server out of reach"])
def test_a_page_that_starts_without_the_server_restores_the_session_by_itself_as_soon_as_it_can(
    context: BrowserContext, shop: FrontEnd, site: Site, watch: Watch, obstacle: str
) -> None:
    watch.allow("net::ERR_INTERNET_DISCONNECTED", "net::ERR_FAILED")
    keep_loadable(context, shop)
    if obstacle == "offline":
        context.set_offline(True)
    else:
        context.route("**/api/**", lambda route: route.abort())
    page, log = context.new_page(), Log(site.server)
    page.goto(shop.origin)
    expect(page.locator("#who")).to_have_text("nobody")
    assert log.count("POST /api/refresh") == 0

    context.set_offline(False)
    context.unroute("**/api/**")
    expect(page.locator("#who")).to_contain_text("@")  # by the event: the page asks for nothing
    call(page)
    assert seen_by(page)["statuses"] == [200]
    assert seen_by(page)["ends"] == []
    assert log.count("POST /api/refresh") == log.count() == 1


@pytest.fixture(scope="module")
def remembering(chromium: Browser) -> Iterator[Browser]:
    """A Chromium with a back/forward cache, which people have and Playwright takes away."""
    browser = chromium.browser_type.launch(
        executable_path=CHROMIUM, args=ARGUMENTS, ignore_default_args=["--disable-back-forward-cache"]
    )
    yield browser
    browser.close()


@pytest.fixture
def left_page(remembering: Browser, shop: FrontEnd, server: LiveServer, person: Person, watch: Watch) -> Iterator[Page]:
    """A tab that shows another page of the front end's origin by now; the front end waits in the cache."""
    context = remembering.new_context()
    watch.put_on(context)
    context.add_init_script(CLOCK_THAT_CAN_BE_SET)
    enter(context, server.url, person)
    (page,) = open_shops(context, shop, person)
    page.evaluate(NOTE_RETURN)
    shop.words["FRAMED"] = "about:blank"
    # A lock that is held may keep a page out of the cache, and the client holds its own a moment longer.
    page.wait_for_function("async () => !(await navigator.locks.query()).held.length", polling=50)
    page.goto(f"{shop.origin}/frame.html")
    yield page
    context.close()


def go_back(page: Page, shop: FrontEnd) -> None:
    """Leave for the front end, which must come as it was: without loading."""
    page.evaluate("history.back()")
    page.wait_for_url(f"{shop.origin}/", wait_until="commit")
    page.wait_for_function("globalThis.isFromCache === true", polling=50)


def test_a_page_out_of_the_back_forward_cache_goes_on_without_a_refresh(
    left_page: Page, shop: FrontEnd, server: LiveServer
) -> None:
    log = Log(server)
    go_back(left_page, shop)
    call(left_page)
    assert seen_by(left_page)["statuses"] == [200]
    assert log.count("POST /api/refresh") == 0


def test_a_page_whose_token_ended_in_the_back_forward_cache_refreshes_when_it_is_shown_again(
    left_page: Page, shop: FrontEnd, server: LiveServer
) -> None:
    log = Log(server)
    server.move_clock(25 * HOUR)
    left_page.evaluate("(ahead) => localStorage.setItem('ahead', ahead)", 25 * HOUR * 1000)
    go_back(left_page, shop)
    left_page.wait_for_function("shop.seen.sources.length === 2", polling=50)  # nobody has called yet
    call(left_page)
    assert seen_by(left_page)["statuses"] == [200]
    assert (log.count(), log.count(" 401 ")) == (1, 0)


def test_a_page_whose_token_ended_unnoticed_in_the_back_forward_cache_heals_its_next_call(
    left_page: Page, shop: FrontEnd, server: LiveServer, watch: Watch
) -> None:
    watch.allow_status(401, "/api/me")
    log = Log(server)
    server.move_clock(25 * HOUR)
    go_back(left_page, shop)
    call(left_page)
    assert seen_by(left_page)["statuses"] == [200]
    assert (log.count(), log.count("GET /api/me 401")) == (1, 1)
