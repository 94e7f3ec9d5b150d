"""The README's pictures, taken of the running product: `make screenshots` writes docs/img/*.png.

A server with the demo users, some months of use behind the desk, and a token page on which something has happened."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from bench import loading
from bench.desk_rows import Sizes
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.site import FIREFOX, JOHN, Person, enter
from tests.support.databases import close_connections, fresh_database
from tests.support.live import LiveServer, serve
from tests.support.settings import make_settings
from webapp import create_app, demo
from webapp.clock import utc_now
from webapp.config import ROOT
from webapp.database import db

IMAGES: Final = ROOT / "docs/img"
SIZES: Final = Sizes(sessions=600, events=4_000, refreshes=3_000, users=120)
ADMIN: Final = Person("admin@test.com", "Admin123!")
WIDTH: Final = 1000
SCHEMES: Final = ("light", "dark")
HERS: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
DEVICES: Final = (
    FIREFOX,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1",
)


def _tokens(page: Page) -> None:
    """Calls before and in the renewal window, and a 401 that heals."""
    page.goto("/account/tokens")
    page.get_by_role("button", name="Call the API", exact=True).click()
    expect(page.get_by_text("Renewal window", exact=True)).to_be_visible()
    for name in ("Call the API", "Break the access token", "Call the API"):
        page.get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_role("log")).to_contain_text("401 healed")
    expect(page.locator("[data-count=renewed]")).not_to_have_text("0")


def _sessions(page: Page) -> None:
    page.goto("/account/sessions")


def _desk(page: Page) -> None:
    page.goto("/admin")


# Whose page, how high, and how it comes to look so.
SHOTS: Final[dict[str, tuple[Person, int, Callable[[Page], None]]]] = {
    "devices": (JOHN, 760, _sessions),
    "tokens": (JOHN, 1240, _tokens),
    "desk": (ADMIN, 1040, _desk),
}


def main() -> None:
    with TemporaryDirectory() as folder, _server(Path(folder)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for user_agent in DEVICES:
            enter(browser.new_context(user_agent=user_agent), server.url, JOHN)
        for name, (person, height, show) in SHOTS.items():
            for scheme in SCHEMES:
                page = _context(browser, server, person, scheme, height).new_page()
                show(page)
                page.screenshot(path=IMAGES / f"{name}-{scheme}.png", animations="disabled")
                # Signed out, so that the next one's list of devices is the same.
                page.context.request.post("/api/logout", headers={"Origin": server.url})
                page.context.close()
        browser.close()


def _context(browser: Browser, server: LiveServer, person: Person, scheme: str, height: int) -> BrowserContext:
    context = browser.new_context(
        base_url=server.url,
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": WIDTH, "height": height},
        user_agent=HERS,
        reduced_motion="reduce",
    )
    enter(context, server.url, person)
    return context


@contextmanager
def _server(folder: Path) -> Iterator[LiveServer]:
    url = fresh_database("sqlite", folder)
    app = create_app(make_settings(database_url=url))
    with app.app_context():
        loading.seed(db.engine, SIZES, now=utc_now())
        demo.load(db.session, now=utc_now())
        close_connections()
    with serve(folder, url, access_token_expire_minutes=0.5, auto_refresh_threshold_minutes=0.3) as server:
        yield server


if __name__ == "__main__":
    main()
