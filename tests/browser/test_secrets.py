"""What scripts of a page can reach: never a refresh token, and no token in any storage."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.front_end import FrontEnd
from tests.browser.site import Person, Site, enter, fill_in, refresh_cookie, submit
from tests.browser.watch import Watch

WITHIN_REACH = """async () => ({
    cookie: document.cookie,
    local: { ...localStorage },
    session: { ...sessionStorage },
    databases: (await indexedDB.databases()).map(({ name }) => name),
    caches: await caches.keys(),
    workers: (await navigator.serviceWorker.getRegistrations()).length,
    window: window.name,
    history: JSON.stringify(history.state),
})"""
NOTHING: dict[str, Any] = {
    "cookie": "", "local": {}, "session": {}, "databases": [], "caches": [], "workers": 0, "window": "",
    "history": "null",
}  # fmt: skip


@pytest.mark.parametrize("path", ["/account", "/account/sessions", "/account/tokens"])
def test_our_own_pages_leave_no_token_where_a_script_can_reach_it(page: Page, person: Person, path: str) -> None:
    page.goto(f"/login?next={path}")
    fill_in(page, person)
    submit(page)
    expect(page).to_have_url(re.compile(f"{path}$"))
    if path.endswith("tokens"):
        page.get_by_role("button", name="Refresh now").click()
        expect(page.locator("[data-count=renewed]")).to_have_text("1")
    assert page.evaluate(WITHIN_REACH) == NOTHING
    cookie = refresh_cookie(page.context)
    assert cookie is not None
    assert {name: cookie[name] for name in ("httpOnly", "sameSite", "path", "domain")} == {
        "httpOnly": True,
        "sameSite": "Lax",
        "path": "/",
        "domain": "localhost",
    }
    assert cookie["value"] not in page.content()
    assert all(kept["httpOnly"] for kept in page.context.cookies())


def test_the_theme_is_all_that_is_ever_stored(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name=re.compile("Colour theme")).click()
    assert page.evaluate(WITHIN_REACH) == {**NOTHING, "local": {"theme": "light"}}


def test_a_front_end_that_signs_in_by_the_client_never_holds_the_refresh_token(
    browse: Callable[..., BrowserContext],
    site: Site,
    person: Person,
    front_end: Callable[..., FrontEnd],
    watch: Watch,
) -> None:
    watch.allow_status(401, "/api/refresh")
    other = front_end()
    other.use(site.url)
    page = browse().new_page()
    page.goto(other.origin)
    bodies: list[str] = []
    page.on(
        "requestfinished", lambda request: bodies.append(request.response().text()) if "/api/" in request.url else 0
    )
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#who")).to_have_text(person.email)
    page.evaluate("shop.auth.refresh()")
    assert page.evaluate(WITHIN_REACH) == NOTHING
    cookie = refresh_cookie(page.context)
    assert cookie is not None and cookie["httpOnly"]
    assert page.evaluate("JSON.stringify(shop.auth)").find("eyJ") == -1
    assert not any("refresh_token" in body or cookie["value"] in body for body in bodies)


def test_the_refresh_cookie_alone_opens_no_api(page: Page, person: Person, site: Site, watch: Watch) -> None:
    watch.allow_status(401, "/api/me")
    enter(page.context, site.url, person)
    page.goto("/account")
    assert page.evaluate("async () => (await fetch('/api/me')).status") == 401
