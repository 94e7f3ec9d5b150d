"""A front end on another origin uses the bundled client: signed in, back again, out; refused where it is unknown."""

import re
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.front_end import FrontEnd
from tests.browser.shop import call, seen_by, sign_in_at
from tests.browser.site import JOHN, Person, Site, enter, refresh_cookie
from tests.browser.watch import Watch
from tests.support.live import LiveServer

Live = Callable[..., AbstractContextManager[LiveServer]]
Browse = Callable[..., BrowserContext]


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
