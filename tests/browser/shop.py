"""The front end's page in one tab or several: how tests open it, let it call, and see what the server had to do."""

import re
import time
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.front_end import FrontEnd
from tests.browser.site import Person
from tests.support import forge
from tests.support.live import LiveServer

REFRESHED = "POST /api/refresh 200"
# The client waits two seconds for a tab that refreshes, then it does so by itself: on a busy machine that is little.
MORE_PATIENCE = """{
    const { timeout } = AbortSignal;
    AbortSignal.timeout = (ms) => timeout.call(AbortSignal, 10 * ms);
}"""
SOON = 300  # ms: enough to tell every tab of a moment that is still to come
CALL_AT_ONCE = """([count, at]) => {
    const calls = document.querySelector("#calls");
    const begin = () => Promise.all(Array.from({ length: count }, () => shop.call()));
    calls.textContent = "running";
    setTimeout(() => begin().then(() => (calls.textContent = "done")), at - Date.now());
}"""
SOMEBODY_WAITS = "async (name) => (await navigator.locks.query()).pending.some((lock) => lock.name === name)"


class Log:
    """What the server has logged since this was made."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self._start = len(server.log)

    def count(self, line: str = REFRESHED) -> int:
        return self._server.log[self._start :].count(line)


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


def open_shops(context: BrowserContext, front_end: FrontEnd, person: Person, count: int = 1) -> list[Page]:
    """Open the front end in new tabs, all at once, of a context whose cookie brings `person` back."""
    tabs = [context.new_page() for _ in range(count)]
    for tab in tabs:
        tab.goto(front_end.origin, wait_until="commit")
    for tab in tabs:
        expect(tab.locator("#who")).to_have_text(person.email)
        # Another tab's news may have come first, and the application goes on with what `ready` says.
        tab.evaluate("async () => { await shop.auth.ready }")
    return tabs


def keep_loadable(context: BrowserContext, front_end: FrontEnd) -> None:
    """Let the front end's own files come even while the browser is offline, as a service worker would."""
    context.grant_permissions(["local-network-access"])  # Chromium takes what did not come from this machine for public
    context.route(f"{front_end.origin}/**", lambda route: route.fulfill(response=route.fetch()))


def begin_calls(tabs: Sequence[Page], count: int) -> None:
    """Let every tab make `count` calls at once, all tabs at the same moment."""
    at = time.time() * 1000 + SOON
    for tab in tabs:
        tab.evaluate(CALL_AT_ONCE, [count, at])


def finish_calls(tabs: Sequence[Page]) -> None:
    for tab in tabs:
        expect(tab.locator("#calls")).to_have_text("done", timeout=30_000)


def lock_of(server: LiveServer) -> str:
    """Return the name of the lock that a tab holds while it refreshes by its cookie."""
    return "evergreen." + re.sub(r"[^A-Za-z0-9_.-]", "_", f"{server.url}/api") + ".cookie"


def wait_until_another_waits(page: Page, server: LiveServer) -> None:
    """Return when a tab waits for the one that refreshes."""
    page.wait_for_function(SOMEBODY_WAITS, arg=lock_of(server), polling=50)


def sid_of(page: Page) -> str:
    return str(forge.read(page.evaluate("shop.auth.accessToken"))["sid"])
