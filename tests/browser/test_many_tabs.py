"""Five tabs of one browser and one token that has ended: one refresh serves them all, whatever stands in its way."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.fault_proxy import Hold, serve_faults
from tests.browser.front_end import FrontEnd
from tests.browser.shop import (
    MORE_PATIENCE,
    Log,
    begin_calls,
    call,
    finish_calls,
    lock_of,
    open_shops,
    seen_by,
    sign_in_at,
    wait_until_another_waits,
)
from tests.browser.site import Person, Site, serve_site
from tests.browser.watch import Watch
from tests.support.live import LiveServer

TABS = 5
CALLS = 20
LONGER_THAN_A_TOKEN = 25 * 3600  # seconds
NO_LOCKS = "delete Navigator.prototype.locks;"
NO_CHANNEL = "delete globalThis.BroadcastChannel;"
HOLD_FOR_EVER = """(name) => new Promise((granted) => {
    navigator.locks.request(name, () => new Promise(() => granted()));
})"""

OpenTabs = Callable[..., list[Page]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of this file's own, because its clock is moved."""
    with serve_site(tmp_path_factory.mktemp("many-tabs")) as site:
        yield site


@pytest.fixture
def open_tabs(context: BrowserContext, shop: FrontEnd, person: Person) -> OpenTabs:
    """A function that opens the front end in so many tabs, signed in, after the script has run in each."""

    def open_tabs(count: int = TABS, *, script: str = "") -> list[Page]:
        context.add_init_script(script)
        return open_shops(context, shop, person, count)

    return open_tabs


def outlive_the_token(server: LiveServer, watch: Watch) -> Log:
    """Let the token end by the server's clock: those of the tabs do not tell. Chromium may note the refusals."""
    watch.allow_status(401, "/api/me")
    server.move_clock(LONGER_THAN_A_TOKEN)
    return Log(server)


def expect_success_only(tabs: Sequence[Page], person: Person, calls: int = CALLS) -> None:
    for tab in tabs:
        seen = seen_by(tab)
        assert seen["statuses"] == [200] * calls
        assert seen["users"] == [person.email] * calls
        assert seen["failures"] == seen["ends"] == []


@pytest.mark.parametrize("missing", ["", NO_LOCKS, NO_CHANNEL, NO_LOCKS + NO_CHANNEL])
def test_a_hundred_calls_at_once_succeed_with_one_refresh_or_at_worst_one_a_tab(
    open_tabs: OpenTabs, server: LiveServer, person: Person, watch: Watch, missing: str
) -> None:
    # Without locks each tab refreshes by itself, and three on a slow machine may overtake one twice: README, Limits.
    tabs = open_tabs(script=missing + MORE_PATIENCE, count=2 if missing.startswith(NO_LOCKS) else TABS)
    log = outlive_the_token(server, watch)
    begin_calls(tabs, CALLS)
    finish_calls(tabs)
    expect_success_only(tabs, person)
    assert 1 <= log.count() <= (len(tabs) if missing else 1)
    assert log.count("GET /api/me 401") >= CALLS  # else the token had not ended for many


def test_a_tab_that_is_closed_in_the_middle_of_its_refresh_leaves_the_turn_to_the_others(
    open_tabs: OpenTabs, server: LiveServer, person: Person, watch: Watch
) -> None:
    first, *others = open_tabs()
    log = outlive_the_token(server, watch)
    first.route("**/api/refresh", lambda _: None)  # no answer, ever
    with first.expect_request("**/api/refresh"):
        begin_calls([first], 1)
    begin_calls(others, CALLS)
    wait_until_another_waits(others[0], server)
    first.close()
    finish_calls(others)
    expect_success_only(others, person)
    assert 1 <= log.count() <= len(others)


def test_a_tab_that_never_gives_its_turn_back_does_not_keep_the_others_waiting(
    open_tabs: OpenTabs, shop: FrontEnd, server: LiveServer, person: Person, watch: Watch
) -> None:
    tabs = open_tabs()
    log = outlive_the_token(server, watch)
    stuck = tabs[0].context.new_page()
    shop.words["FRAMED"] = "about:blank"
    stuck.goto(f"{shop.origin}/frame.html")  # of the same origin, and without a client
    stuck.evaluate(HOLD_FOR_EVER, lock_of(server))
    begin_calls(tabs, CALLS)
    wait_until_another_waits(tabs[0], server)
    finish_calls(tabs)
    expect_success_only(tabs, person)
    assert 1 <= log.count() <= TABS


@pytest.mark.parametrize("missing", [NO_LOCKS, NO_LOCKS + NO_CHANNEL])
def test_answers_that_overtake_each_other_leave_both_tabs_signed_in(
    open_tabs: OpenTabs, shop: FrontEnd, server: LiveServer, person: Person, missing: str
) -> None:
    answers = Hold()
    with serve_faults(server) as proxy:
        shop.use(proxy.url)
        tabs = open_tabs(2, script=missing)
        log = Log(server)
        proxy.faults["POST /api/refresh"] = answers
        for number, tab in enumerate(tabs):
            tab.evaluate("() => { globalThis.renewed = shop.auth.refresh() }")
            answers.wait_for(number + 1)
        for number in (1, 0):
            answers.release(number)
            tabs[number].evaluate("renewed")
            call(tabs[number])  # proves that this one's successor has arrived
        proxy.faults.clear()
        for tab in (*tabs, *tabs):
            tab.evaluate("shop.auth.refresh()")
            call(tab)
    expect_success_only(tabs, person, calls=3)
    assert log.count() == 6
    assert log.count(" 401 ") == 0


def test_tabs_that_are_opened_at_once_are_restored_together(
    context: BrowserContext, open_tabs: OpenTabs, server: LiveServer, person: Person
) -> None:
    held: list[Route] = []

    def let_all_start_together(route: Route) -> None:
        held.append(route)
        if len(held) == TABS:
            for waiting in held:
                waiting.continue_()

    def answer_when_all_are_there(route: Route) -> None:
        for tab in context.pages:
            tab.wait_for_function("'shop' in globalThis", polling=50)
        route.continue_()

    context.route("**/evergreen/tabs.js", let_all_start_together)
    context.route("**/api/refresh", answer_when_all_are_there)
    log = Log(server)
    tabs = open_tabs(script=MORE_PATIENCE)
    assert 1 <= log.count() < TABS
    begin_calls(tabs, 1)
    finish_calls(tabs)
    expect_success_only(tabs, person, calls=1)


def test_signing_out_in_one_tab_is_seen_by_all_without_asking_the_server(open_tabs: OpenTabs) -> None:
    first, *others = open_tabs()
    asked: list[str] = []
    for tab in others:
        tab.on("request", lambda request: asked.append(request.url))
    assert first.evaluate("shop.auth.logout()") is True
    for tab in others:
        expect(tab.locator("#who")).to_have_text("nobody (logout)")
        assert tab.evaluate("[shop.auth.user, shop.auth.accessToken, shop.auth.expiresAt]") == [None] * 3
        assert seen_by(tab)["ends"] == ["logout"]
    assert asked == []


def test_signing_in_in_one_tab_signs_in_the_others(
    browse: Callable[..., BrowserContext], shop: FrontEnd, server: LiveServer, person: Person, watch: Watch
) -> None:
    watch.allow_status(401, "/api/refresh")  # asked on load, before anybody has signed in
    context = browse()
    tabs = [context.new_page() for _ in range(TABS)]
    for tab in tabs:
        tab.goto(shop.origin)
        expect(tab.locator("#who")).to_have_text("nobody")
    log = Log(server)
    sign_in_at(tabs[0], person)
    for tab in tabs:
        expect(tab.locator("#who")).to_have_text(person.email)
        call(tab)
    expect_success_only(tabs, person, calls=1)
    assert [seen_by(tab)["sources"] for tab in tabs] == [["login"], *[["tab"]] * (TABS - 1)]
    assert log.count("POST /api/refresh") == 0
