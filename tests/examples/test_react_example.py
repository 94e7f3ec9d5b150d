"""The front end of examples/react, built and in development, on origins of its own: nobody notices that tokens end.

Building and serving it takes long and is done once for the file, hence its length."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.looks import look_at
from tests.browser.shop import MORE_PATIENCE
from tests.browser.site import JOHN, fill_in, refresh_cookie, submit
from tests.browser.watch import Watch
from tests.examples.serving import begin_anew, build, develop, preview, serve_api
from tests.support.live import LiveServer, free_port
from tests.support.programs import install
from webapp.config import ROOT

HOUR = 3600
TWENTY_CALLS = """() => {
    const twenty = ({ api }) => Promise.all(Array.from({ length: 20 }, () => api.get("/products")));
    const statuses = (replies) => replies.map(({ status }) => status);
    globalThis.statuses = import("/src/auth.js").then(twenty).then(statuses);
}"""
Browse = Callable[..., BrowserContext]


@dataclass(frozen=True)
class Shop:
    """The API, and the front end's origins."""

    api: LiveServer
    built: str
    developed: str


@pytest.fixture(scope="module")
def shared_shop(tmp_path_factory: pytest.TempPathFactory, node: str) -> Iterator[Shop]:
    app = install(ROOT / "examples/react")
    folder = tmp_path_factory.mktemp("shop")
    ports = free_port(), free_port()
    built, developed = (f"http://localhost:{port}" for port in ports)
    with ExitStack() as stack:
        api = stack.enter_context(serve_api(folder, built, developed))
        build(app, folder / "dist", api)
        stack.enter_context(preview(app, folder / "dist", ports[0]))
        stack.enter_context(develop(app, ports[1], api))
        yield Shop(api, built, developed)


@pytest.fixture
def shop(shared_shop: Shop) -> Shop:
    begin_anew(shared_shop.api)
    return shared_shop


@pytest.fixture
def page(browse: Browse, shop: Shop, watch: Watch) -> Page:
    """A page of the built front end; nobody is signed in."""
    watch.allow_status(401, "/api/refresh")  # Chromium notes the refusal of the first restore
    page = browse(shop.built).new_page()
    page.goto("/")
    return page


def sign_in(page: Page) -> None:
    fill_in(page, JOHN)
    submit(page)
    expect(page.get_by_role("heading", name="Hello, John Doe")).to_be_visible()
    expect_products(page, calls=1)


def expect_products(page: Page, *, calls: int) -> None:
    expect(page.get_by_text(f"Call {calls} was answered.")).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(6)
    expect(page.get_by_role("listitem").first).to_contain_text("Norway spruce")
    expect(page.get_by_role("alert")).to_have_count(0)


def expect_sign_in_form(page: Page) -> None:
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(0)


def refuse(page: Page, watch: Watch) -> None:
    watch.allow_status(401, "/api/login")
    fill_in(page, JOHN, password="Wrong123!")
    submit(page)
    expect(page.get_by_role("alert")).to_contain_text("password")


def test_a_wrong_password_is_an_alert_and_the_right_one_signs_in(page: Page, watch: Watch) -> None:
    refuse(page, watch)
    expect_sign_in_form(page)
    sign_in(page)
    expect(page.get_by_role("status")).to_contain_text("Signed in")


def test_after_a_day_the_next_call_succeeds_as_if_nothing_had_been(page: Page, shop: Shop, watch: Watch) -> None:
    watch.allow_status(401, "/api/products")  # Chromium notes it, the application never sees it
    sign_in(page)
    shop.api.move_clock(25 * HOUR)
    page.get_by_role("button", name="Call again").click()
    expect_products(page, calls=2)
    expect(page.get_by_role("status")).to_contain_text("Refreshed")
    assert shop.api.log.count("POST /api/login 200") == 1
    assert shop.api.log.count("POST /api/refresh 200") == 1


def test_near_its_end_a_token_is_renewed_on_the_way(page: Page, shop: Shop) -> None:
    sign_in(page)
    shop.api.move_clock(23 * HOUR)
    page.get_by_role("button", name="Call again").click()
    expect_products(page, calls=2)
    expect(page.get_by_role("status")).to_contain_text("Renewed on the way")
    assert "POST /api/refresh 200" not in shop.api.log


@pytest.mark.parametrize("version", ["built", "developed"])  # only the second one runs effects twice
def test_a_load_refreshes_once_and_a_reload_keeps_the_session(page: Page, shop: Shop, version: str) -> None:
    page.goto(getattr(shop, version))
    expect_sign_in_form(page)
    sign_in(page)
    begin_anew(shop.api)
    page.reload()
    expect_products(page, calls=1)
    expect(page.get_by_role("heading", name="Hello, John Doe")).to_be_visible()
    assert shop.api.log.count("POST /api/refresh 200") == shop.api.log.count("POST /api/refresh") == 1


def test_five_tabs_under_strict_mode_make_one_refresh_for_a_hundred_calls(
    browse: Browse, shop: Shop, watch: Watch
) -> None:
    watch.allow_status(401, "/api/refresh")
    watch.allow_status(401, "/api/products")
    context = browse(shop.developed)
    context.add_init_script(MORE_PATIENCE)
    tabs = [context.new_page() for _ in range(5)]
    tabs[0].goto("/")
    sign_in(tabs[0])
    for tab in tabs[1:]:
        tab.goto("/")
        expect_products(tab, calls=1)
    before = shop.api.log.count("POST /api/refresh")
    shop.api.move_clock(25 * HOUR)
    for tab in tabs:
        tab.evaluate(TWENTY_CALLS)
    assert [tab.evaluate("statuses") for tab in tabs] == [[200] * 20] * 5
    assert shop.api.log.count("POST /api/refresh") == before + 1
    for tab in tabs:
        tab.get_by_role("button", name="Call again").click()
        expect_products(tab, calls=2)


def test_signing_out_ends_the_session_here_and_there(page: Page, shop: Shop) -> None:
    sign_in(page)
    with page.expect_response("**/api/logout"):  # here it is over before the server has answered
        page.get_by_role("button", name="Sign out").click()
    expect_sign_in_form(page)
    expect(page.get_by_role("status")).to_contain_text("Signed out.")
    assert refresh_cookie(page.context) is None
    assert shop.api.log.count("POST /api/logout 204") == 1
    page.reload()
    expect_sign_in_form(page)


def test_a_session_that_is_over_leads_back_to_the_sign_in(page: Page, shop: Shop, watch: Watch) -> None:
    watch.allow_status(401, "/api/products")
    sign_in(page)
    shop.api.move_clock(31 * 24 * HOUR)
    page.get_by_role("button", name="Call again").click()
    expect_sign_in_form(page)
    expect(page.get_by_role("status")).to_contain_text("The session is over.")


def test_a_server_in_trouble_is_an_alert_and_signs_nobody_out(page: Page, watch: Watch) -> None:
    watch.allow_status(503, "/api/products")
    sign_in(page)
    page.route(
        "**/api/products*", lambda route: route.fulfill(status=503, headers={"Access-Control-Allow-Origin": "*"})
    )
    page.get_by_role("button", name="Call again").click()
    expect(page.get_by_role("alert")).to_contain_text("The products could not be loaded")
    page.unroute_all()
    page.get_by_role("button", name="Call again").click()
    expect_products(page, calls=3)


def show_nothing_more(page: Page, watch: Watch) -> None:
    expect_sign_in_form(page)


@pytest.mark.parametrize(
    "show",
    [show_nothing_more, refuse, lambda page, _: sign_in(page)],
    ids=["sign-in", "sign-in refused", "products"],
)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    page: Page, watch: Watch, show: Callable[[Page, Watch], None]
) -> None:
    show(page, watch)
    assert look_at(page) == []


def test_the_focus_shows(page: Page) -> None:
    for name in ("Email address", "Password"):
        page.get_by_label(name, exact=True).focus()
        outline = page.evaluate("getComputedStyle(document.activeElement).outline")
        assert re.search(r"solid 3px", outline), outline
