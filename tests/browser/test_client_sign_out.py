"""After auth.logout() nothing brings the session back: no late answer, no reload, no server that could not be told."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.fault_proxy import FaultProxy, Hold, hangs_up
from tests.browser.front_end import FrontEnd
from tests.browser.shop import Log, call, keep_loadable, open_shops, seen_by, sid_of
from tests.browser.site import Person, Site, enter, serve_site
from tests.browser.watch import Watch

NEAR_THE_END = 23.5 * 3600  # seconds of a token's day: each answer brings a new one
STORED = "[{ ...localStorage }, { ...sessionStorage }]"
KNOWN = "[shop.auth.user, shop.auth.accessToken, shop.auth.expiresAt]"
NOTHING = [None, None, None]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of this file's own, because its clock is moved."""
    with serve_site(tmp_path_factory.mktemp("sign-out")) as site:
        yield site


@pytest.fixture
def shop(
    browse: Callable[..., BrowserContext], front_end: Callable[..., FrontEnd], proxy: FaultProxy, person: Person
) -> Page:
    """The front end, signed in."""
    context, served = browse(), front_end()
    keep_loadable(context, served)
    served.use(proxy.url)
    enter(context, proxy.url, person)
    return open_shops(context, served, person)[0]


def reload(shop: Page) -> None:
    shop.reload()
    expect(shop.locator("#who")).to_have_text("nobody")


def expect_nobody(shop: Page, watch: Watch) -> None:
    """Nothing is kept, the next call is refused, and a reload finds nobody."""
    watch.allow_status(401, "/api/me")
    watch.allow_status(401, "/api/refresh")
    assert shop.evaluate(KNOWN) == NOTHING
    call(shop)
    assert seen_by(shop)["statuses"][-1] == 401
    reload(shop)
    assert shop.evaluate(KNOWN) == NOTHING
    assert shop.evaluate(STORED) == [{}, {}]


def status_of(shop: Page, proxy: FaultProxy, token: str) -> int:
    """What the server answers to an access token, asked outside of the page."""
    return shop.context.request.get(f"{proxy.url}/api/me", headers={"Authorization": f"Bearer {token}"}).status


def test_a_new_token_that_comes_after_the_sign_out_is_dropped(shop: Page, proxy: FaultProxy, watch: Watch) -> None:
    late = Hold()
    proxy.target.move_clock(NEAR_THE_END)
    proxy.faults["GET /api/me"] = late
    shop.evaluate("() => { globalThis.called = shop.call() }")
    late.wait_for(1)
    assert shop.evaluate("shop.auth.logout()") is True
    late.release(0)
    shop.evaluate("called")
    proxy.faults.clear()
    assert late.answers[0].headers["X-New-Token"]  # else there was nothing to drop
    seen = seen_by(shop)
    assert (seen["statuses"], seen["sources"], seen["ends"]) == ([200], ["refresh"], ["logout"])
    expect_nobody(shop, watch)


def test_a_refresh_that_is_answered_after_the_sign_out_is_dropped_with_its_cookie(
    shop: Page, proxy: FaultProxy, watch: Watch
) -> None:
    late = Hold()
    proxy.faults["POST /api/refresh"] = late
    shop.evaluate("() => { globalThis.refreshed = shop.auth.refresh().catch((error) => error.name) }")
    late.wait_for(1)
    assert shop.evaluate("shop.auth.logout()") is True
    late.release(0)
    assert shop.evaluate("refreshed") == "SessionEndedError"
    proxy.faults.clear()
    assert late.answers[0].headers["Set-Cookie"]
    assert seen_by(shop)["sources"] == ["refresh"]
    assert seen_by(shop)["ends"] == ["logout"]
    expect_nobody(shop, watch)


@pytest.mark.parametrize("is_reloaded", [False, True], ids=["same page", "next page"])
def test_a_sign_out_without_a_network_holds_and_the_server_is_told_later(
    shop: Page, proxy: FaultProxy, watch: Watch, is_reloaded: bool
) -> None:
    watch.allow("net::ERR_INTERNET_DISCONNECTED", "net::ERR_EMPTY_RESPONSE")
    sid, token, log = sid_of(shop), shop.evaluate("shop.auth.accessToken"), Log(proxy.target)
    shop.context.set_offline(True)
    proxy.faults["POST /api/logout"] = hangs_up  # a request that outlives its page gets past the line above
    assert shop.evaluate("shop.auth.logout()") is False
    assert shop.evaluate(KNOWN) == NOTHING
    if is_reloaded:
        reload(shop)
        assert shop.evaluate(KNOWN) == NOTHING
    local, per_tab = shop.evaluate(STORED)
    assert [key.endswith(".left") for key in local] == [True]
    assert (list(local.values()), per_tab) == ([sid], {})
    assert status_of(shop, proxy, token) == 200

    proxy.faults.clear()
    shop.context.set_offline(False)
    shop.wait_for_function("localStorage.length === 0", polling=50)
    assert log.count("POST /api/logout 204") == 1
    assert status_of(shop, proxy, token) == 401
    assert seen_by(shop)["ends"] == ([] if is_reloaded else ["logout"])
    expect_nobody(shop, watch)
