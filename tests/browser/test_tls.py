"""In production, over TLS: the cookie that only our host can set, and that really goes away (H03, V09)."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.site import JOHN, fill_in, refresh_cookie, submit
from tests.browser.tls import serve_tls
from tests.browser.watch import Watch
from tests.support import people
from tests.support.databases import close_connections
from tests.support.live import serve
from tests.support.proxies import PROXIES, prepare
from tests.support.settings import make_settings
from webapp import create_app

NAME = "__Host-refresh_token"


@contextmanager
def serve_behind(name: str, folder: Path, database_url: str) -> Iterator[str]:
    """Serve in production behind nginx or Caddy as deploy/ configures them; yield the address."""
    proxy = prepare(folder / name)
    production = {"app_env": "production", "public_url": proxy.url, "trusted_proxies": 1}
    with serve(folder, database_url, workers=1, **production) as server, PROXIES[name](proxy, server.port):
        yield proxy.url


@pytest.fixture(params=["gunicorn", *PROXIES])
def url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of the product over TLS, which gunicorn or a proxy in front of it speaks; John Doe is a user."""
    app = create_app(make_settings(database_url=database_url))
    people.create_user(app)
    with app.app_context():
        close_connections()
    if request.param == "gunicorn":
        with serve_tls(tmp_path, database_url) as url:
            yield url
    else:
        with serve_behind(request.param, tmp_path, database_url) as url:
            yield url


@pytest.fixture
def secure_page(browse: Callable[..., BrowserContext], url: str) -> Iterator[Page]:
    """A page of a browser that has just signed in over TLS by the form."""
    page = browse(url, ignore_https_errors=True).new_page()
    page.goto("/login")
    fill_in(page, JOHN)
    submit(page)
    expect(page).to_have_url(re.compile("/account$"))
    yield page
    page.close()


def test_the_cookie_belongs_to_our_host_alone_and_signing_out_removes_it(secure_page: Page, watch: Watch) -> None:
    watch.allow_status(401, "/api/refresh")
    cookie = refresh_cookie(secure_page.context, NAME)
    assert cookie is not None
    assert 29.9 < (cookie["expires"] - time.time()) / 86_400 < 30.1
    assert {name: cookie[name] for name in ("secure", "httpOnly", "sameSite", "path", "domain")} == {
        "secure": True,
        "httpOnly": True,
        "sameSite": "Lax",
        "path": "/",
        "domain": "localhost",  # no leading dot: the cookie has no Domain
    }
    assert all(kept["secure"] and kept["httpOnly"] for kept in secure_page.context.cookies())
    assert secure_page.evaluate("document.cookie") == ""

    # Renewing replaces the cookie; there are never two.
    secure_page.goto("/account/tokens")
    secure_page.get_by_role("button", name="Refresh now").click()
    expect(secure_page.locator("[data-count=renewed]")).to_have_text("1")
    kept = [cookie for cookie in secure_page.context.cookies() if "refresh" in cookie["name"]]
    assert [entry["name"] for entry in kept] == [NAME]
    assert kept[0]["value"] != cookie["value"]

    secure_page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect(secure_page.get_by_text("You are signed out.")).to_be_visible()
    assert refresh_cookie(secure_page.context, NAME) is None

    # By the client, too; and what comes after is a sign-in page.
    fill_in(secure_page, JOHN)
    submit(secure_page)
    expect(secure_page).to_have_url(re.compile("/account$"))
    assert refresh_cookie(secure_page.context, NAME) is not None
    secure_page.evaluate(
        """async () => {
            const { createAuth } = await import("/static/js/evergreen/index.js");
            const auth = createAuth();
            await auth.ready;
            await auth.logout();
        }"""
    )
    assert refresh_cookie(secure_page.context, NAME) is None
    secure_page.reload()
    expect(secure_page).to_have_url(re.compile("/login"))
