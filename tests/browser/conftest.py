"""Fixtures of the browser tests: Chromium, watched contexts, one shared server, front ends of other origins."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.account_pages import Guest
from tests.browser.fault_proxy import FaultProxy, serve_faults
from tests.browser.front_end import FrontEnd, serve_front_end
from tests.browser.site import Person, Site, enter, serve_site
from tests.browser.watch import Watch
from tests.support.databases import fresh_database
from tests.support.live import LiveServer
from tests.support.services import missing

CHROMIUM = "/usr/bin/chromium"
# The same without the parts that draw windows, which nobody sees here: half the work. It has no back/forward cache.
SHELL = "/usr/bin/chromium-headless-shell"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, started once. Package scope: Playwright's event loop must not outlive this folder's tests."""
    if not Path(CHROMIUM).exists():
        missing(CHROMIUM)
    with sync_playwright() as playwright:
        program = SHELL if Path(SHELL).exists() else CHROMIUM
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What the test's contexts complained about; anything the test did not expect fails it."""
    watch = Watch()
    yield watch
    watch.check()


@pytest.fixture
def browse(chromium: Browser, watch: Watch) -> Iterator[Callable[..., BrowserContext]]:
    """A function that opens a fresh, watched context (its own cookies and cache) with the given options."""
    with ExitStack() as stack:

        def browse(base_url: str | None = None, **options: Any) -> BrowserContext:
            context = chromium.new_context(base_url=base_url, **options)
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            watch.put_on(context)
            return context

        yield browse


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One server for all tests that are content with the default settings; each test brings its own person."""
    with serve_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def person(site: Site) -> Person:
    """A new user of `site`."""
    return site.new_person()


@pytest.fixture
def page(browse: Callable[..., BrowserContext], site: Site) -> Page:
    """A page of a fresh context; addresses are relative to `site`."""
    return browse(site.url).new_page()


@pytest.fixture
def has_js(request: pytest.FixtureRequest) -> bool:
    """Whether the visitor's browser runs scripts: yes, unless the test is marked to try both."""
    return bool(getattr(request, "param", True))


@pytest.fixture
def visitor(browse: Callable[..., BrowserContext], site: Site, has_js: bool) -> Page:
    """A page of a fresh context in which nobody is signed in."""
    return browse(site.url, java_script_enabled=has_js).new_page()


@pytest.fixture
def guest(browse: Callable[..., BrowserContext], site: Site, person: Person, watch: Watch) -> Guest:
    """A page of a fresh context without motion, for `person`, who is not signed in yet."""
    return Guest(browse(site.url, reduced_motion="reduce").new_page(), person, site, watch)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: a browser cannot tell the engines apart, and the API's tests run on both."""
    return fresh_database("sqlite", tmp_path)


@pytest.fixture
def front_end() -> Iterator[Callable[..., FrontEnd]]:
    """A function that serves a small front end on an origin of its own."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(serve_front_end(**options))


# --- for files that move the clock, and so have a `site` of their own ---------------------------------------


@pytest.fixture
def server(site: Site) -> LiveServer:
    """The server, with its clock at the present."""
    site.server.move_clock(0)
    return site.server


@pytest.fixture
def proxy(server: LiveServer) -> Iterator[FaultProxy]:
    """What a front end takes for the server."""
    with serve_faults(server) as proxy:
        yield proxy


@pytest.fixture
def shop(front_end: Callable[..., FrontEnd], server: LiveServer) -> FrontEnd:
    """A front end of that server."""
    shop = front_end()
    shop.use(server.url)
    return shop


@pytest.fixture
def context(browse: Callable[..., BrowserContext], server: LiveServer, person: Person) -> BrowserContext:
    """A browser whose cookie brings `person` back."""
    context = browse()
    enter(context, server.url, person)
    return context
