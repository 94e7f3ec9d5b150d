"""A front end on another origin uses the bundled client; its code never sees that tokens end."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.front_end import OWN_COPY, FrontEnd, serve_front_end
from tests.browser.site import JOHN, Person, Site, enter, refresh_cookie
from tests.browser.watch import Watch
from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.live import LiveServer, serve
from tests.support.settings import make_settings
from webapp import create_app

LIFE = 6  # seconds that an access token lives here
OFTEN = [250] * 64  # ms between calls: more than 2.5 lives, never long without one
SELDOM = [0, 7500, 7500, 1000]  # each pause outlives a token

Live = Callable[..., AbstractContextManager[LiveServer]]
Browse = Callable[..., BrowserContext]


def sign_in_at(page: Page, person: Person) -> None:
    """Fill in the front end's own form, which calls auth.login."""
    expect(page.locator("#who")).to_have_text("nobody")
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#who")).to_have_text(person.email)


def seen_by(page: Page) -> dict[str, list[Any]]:
    return page.evaluate("shop.seen")


def call(page: Page, path: str = "/me") -> None:
    page.evaluate("(path) => shop.call(path)", path)


@dataclass
class Run:
    """What the application's code saw, what went over the wire since the sign-in, what Chromium complained of."""

    seen: dict[str, list[Any]]
    wire: list[tuple[str, int]]
    complaints: list[str]


class Runner:
    """A front end in a context of its own, signed in and calling with the given pauses."""

    def __init__(self, chromium: Browser, stack: ExitStack, front_end: FrontEnd, *, pauses: list[int]) -> None:
        self.watch, self.wire = Watch(), list[tuple[str, int]]()
        self.watch.allow_status(401, "/api/refresh")  # asked on load, before anybody has signed in
        context = chromium.new_context()
        stack.callback(context.close)
        self.watch.put_on(context)
        self.page = context.new_page()
        self.page.goto(front_end.origin)
        sign_in_at(self.page, JOHN)
        self.page.on("response", lambda reply: self.wire.append((reply.url.partition("/api")[2], reply.status)))
        self.page.evaluate("(pauses) => { shop.callAfter(pauses) }", pauses)

    def finish(self) -> Run:
        expect(self.page.locator("#calls")).to_have_text("done", timeout=60_000)
        return Run(seen_by(self.page), self.wire, self.watch.unexpected)


@pytest.fixture(scope="module")
def runs(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """Both long runs at the same time, because time itself is what they need: more than 2.5 lives of a token."""
    folder = tmp_path_factory.mktemp("long-run")
    database_url = fresh_database("sqlite", folder)
    app = create_app(make_settings(database_url=database_url))
    people.create_user(app)
    with app.app_context():
        close_connections()
    with ExitStack() as stack:
        shops = {name: stack.enter_context(serve_front_end()) for name in ("often", "seldom")}
        settings = {
            "access_token_expire_minutes": LIFE / 60,
            "auto_refresh_threshold_minutes": LIFE / 2 / 60,
            "cors_origins": ",".join(shop.origin for shop in shops.values()),
        }
        server = stack.enter_context(serve(folder, database_url, **settings))
        # Refreshing beforehand would leave silent refresh nothing to do in lives this short.
        shops["often"].use(server.url, client=f"{server.url}/static/js/evergreen/index.js", refreshBefore=1)
        shops["seldom"].use(server.url, client=OWN_COPY)
        runners = {
            name: Runner(chromium, stack, shops[name], pauses=pauses)
            for name, pauses in (("often", OFTEN), ("seldom", SELDOM))
        }
        yield {name: runner.finish() for name, runner in runners.items()}


def test_calls_made_often_go_on_for_lives_of_a_token_by_silent_refresh(runs: dict[str, Run]) -> None:
    run = runs["often"]
    assert run.seen["statuses"] == [200] * len(OFTEN)
    assert run.seen["failures"] == run.seen["ends"] == []
    assert run.seen["sources"].count("header") >= 2
    assert 401 not in [status for _, status in run.wire]


def test_calls_after_pauses_longer_than_a_life_go_on_by_manual_refresh(runs: dict[str, Run]) -> None:
    run = runs["seldom"]
    assert run.seen["statuses"] == [200] * len(SELDOM)
    assert run.seen["failures"] == run.seen["ends"] == []
    assert run.seen["sources"].count("refresh") >= 2
    assert run.wire.count(("/refresh", 200)) >= 2


@pytest.mark.parametrize("name", ["often", "seldom"])
def test_the_browser_has_nothing_to_complain_about_meanwhile(runs: dict[str, Run], name: str) -> None:
    assert runs[name].complaints == []


@pytest.fixture
def shop(browse: Browse, site: Site, person: Person, front_end: Callable[..., FrontEnd], watch: Watch) -> Page:
    """The front end with its own copy of the client, signed in at the shared server."""
    watch.allow_status(401, "/api/refresh")
    other = front_end()
    other.use(site.url)
    page = browse().new_page()
    page.goto(other.origin)
    sign_in_at(page, person)
    return page


def test_a_reload_restores_the_sign_in_by_the_cookie(shop: Page, person: Person) -> None:
    for _ in range(2):
        shop.reload()
        expect(shop.locator("#who")).to_have_text(person.email)
        call(shop)
        assert seen_by(shop) == {
            "statuses": [200],
            "failures": [],
            "sources": ["refresh"],
            "ends": [],
            "users": [person.email],
        }


def test_signing_out_by_the_client_ends_the_session_and_takes_the_cookie(shop: Page, site: Site) -> None:
    token = shop.evaluate("shop.auth.accessToken")
    shop.evaluate("shop.auth.logout()")
    expect(shop.locator("#who")).to_have_text("nobody (logout)")
    assert refresh_cookie(shop.context) is None
    reply = shop.context.request.get(f"{site.url}/api/me", headers={"Authorization": f"Bearer {token}"})
    assert reply.status == 401
    shop.reload()
    expect(shop.locator("#who")).to_have_text("nobody")


def test_a_front_end_of_another_site_lives_on_the_body_transport(
    browse: Browse, site: Site, person: Person, front_end: Callable[..., FrontEnd]
) -> None:
    other = front_end(host="127.0.0.1")
    other.use(site.url, transport="body")
    page = browse().new_page()
    page.goto(other.origin)
    sign_in_at(page, person)
    call(page)
    page.evaluate("shop.auth.refresh()")
    call(page, "/products")
    assert seen_by(page)["statuses"] == [200, 200]
    assert seen_by(page)["sources"] == ["login", "refresh"]
    assert page.context.cookies() == []


def test_a_token_that_the_server_refuses_is_replaced_without_the_application_seeing_it(
    browse: Browse, live: Live, front_end: Callable[..., FrontEnd], watch: Watch
) -> None:
    watch.allow_status(401, "/api/refresh")
    watch.allow_status(401, "/api/me")
    other = front_end()
    with live(workers=1, cors_origins=other.origin) as server:
        other.use(server.url)
        page = browse().new_page()
        page.goto(other.origin)
        sign_in_at(page, JOHN)
        wire: list[tuple[str, int]] = []
        page.on("response", lambda reply: wire.append((reply.url.partition("/api")[2], reply.status)))
        # The token has ended by the server's clock, not by the page's: as after a night in which a laptop slept.
        server.move_clock(25 * 3600)
        call(page)
        assert seen_by(page)["statuses"] == [200]
        assert wire == [("/me", 401), ("/refresh", 200), ("/me", 200)]


def test_the_client_loads_elsewhere_after_a_page_of_ours_has_put_it_into_the_cache(
    browse: Browse, site: Site, person: Person, front_end: Callable[..., FrontEnd], watch: Watch
) -> None:
    other = front_end()
    other.use(site.url, client=f"{site.url}/static/js/evergreen/index.js")
    context = browse()
    enter(context, site.url, person)
    page = context.new_page()
    page.goto(f"{site.url}/account/tokens")
    expect(page.get_by_role("button", name="Call the API")).to_be_enabled()
    page.goto(other.origin)
    expect(page.locator("#who")).to_have_text(person.email)


def test_an_origin_that_is_not_on_the_list_gets_nothing(
    browse: Browse, live: Live, front_end: Callable[..., FrontEnd], watch: Watch
) -> None:
    watch.allow("blocked by CORS policy", "net::ERR_FAILED", "net::ERR_BLOCKED_BY_RESPONSE")
    friend, stranger = front_end(), front_end()
    with live(workers=1, cors_origins=friend.origin) as server:
        stranger.use(server.url, client=f"{server.url}/static/js/evergreen/index.js")
        context = browse()
        enter(context, server.url, JOHN)
        before = refresh_cookie(context)
        page = context.new_page()
        page.goto(stranger.origin)
        assert page.evaluate("'shop' in globalThis") is False  # not even the client
        answers = page.evaluate(
            """async (api) => {
                const ask = (path, init) => fetch(api + path, { credentials: "include", ...init }).then(
                    (reply) => reply.type, (error) => error.name);
                const post = { method: "POST" };
                const plain = { method: "POST", mode: "no-cors", headers: { "Content-Type": "text/plain" } };
                return Promise.all([
                    ask("/me"), ask("/me", { headers: { Authorization: "Bearer x" } }),
                    ask("/refresh", post), ask("/refresh", plain), ask("/logout", post), ask("/logout", plain),
                    ask("/login", { ...plain, body: "{}" }),
                ]);
            }""",
            f"{server.url}/api",
        )
        assert answers == ["TypeError"] * 7
        refused = re.findall(r"POST /api/(refresh|logout|login) 403", server.log)
        assert Counter(refused) == {"refresh": 2, "logout": 2, "login": 1}
        assert refresh_cookie(context) == before
        own = context.new_page()
        own.goto(f"{server.url}/account")
        expect(own.get_by_role("heading", name="Account")).to_be_visible()
