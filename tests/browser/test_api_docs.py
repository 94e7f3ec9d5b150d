"""The API's page: Swagger UI under our policy, with examples that run and tokens that nobody has to copy."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.looks import found_by_axe
from tests.browser.site import JOHN, Site
from tests.browser.watch import Watch

Browse = Callable[..., BrowserContext]
A_FRAME_LATER = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture
def docs(page: Page) -> Page:
    page.goto("/api/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    return page


def run(docs: Page, name: str) -> Locator:
    """Open a call's row, send its example as it stands, and return where the answer is shown."""
    row = docs.locator(f"[id$=-{name}]")
    row.locator(".opblock-summary-control").click()
    row.get_by_role("button", name="Execute").click()
    return row.locator(".live-responses-table .response-col_status").last


def test_the_calls_below_a_sign_in_carry_its_token_until_the_sign_out(docs: Page, watch: Watch) -> None:
    """The examples are the demo user's, and are sent unchanged. Whatever the policy blocks would fail the test."""
    expect(run(docs, "login")).to_contain_text("200")
    expect(run(docs, "showMe")).to_contain_text("200")
    expect(docs.locator("[id$=-showMe] .live-responses-table")).to_contain_text(JOHN.email)
    expect(docs.locator("[id$=-showMe] .curl-command")).to_contain_text("Authorization: Bearer ")
    sign_out = docs.locator("[id$=-logout]")
    sign_out.locator(".opblock-summary-control").click()
    sign_out.locator("textarea").fill("{}")
    sign_out.get_by_role("button", name="Execute").click()
    expect(sign_out.locator(".live-responses-table")).to_contain_text("204")
    watch.allow_status(401, "/api/me")
    docs.locator("[id$=-showMe]").get_by_role("button", name="Execute").click()
    expect(docs.locator("[id$=-showMe] .live-responses-table")).to_contain_text("missing_token")
    expect(docs.locator("[id$=-showMe] .curl-command")).not_to_contain_text("Authorization")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_colour_scheme_and_the_button_for_it(browse: Browse, site: Site, scheme: str) -> None:
    docs = browse(site.url, color_scheme=scheme).new_page()
    docs.goto("/api/docs")
    html = docs.locator("html")
    is_dark = "document.documentElement.classList.contains('dark-mode')"
    assert docs.evaluate(is_dark) is (scheme == "dark")
    theme = docs.locator("[data-theme-button]")
    theme.click()
    expect(html).to_have_attribute("data-theme", "light")
    assert docs.evaluate(is_dark) is False
    theme.click()
    expect(html).to_have_attribute("data-theme", "dark")
    assert docs.evaluate(is_dark) is True


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_scrolls_sideways(browse: Browse, site: Site, width: int) -> None:
    docs = browse(site.url, viewport={"width": width, "height": 800}).new_page()
    docs.goto("/api/docs")
    expect(run(docs, "login")).to_contain_text("200")
    assert docs.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_rows_with_answers(browse: Browse, site: Site, scheme: str) -> None:
    docs = browse(site.url, color_scheme=scheme, reduced_motion="reduce").new_page()
    docs.goto("/api/docs")
    for name in ("login", "showMe"):
        expect(run(docs, name)).to_contain_text("200")
    docs.get_by_role("button", name="Schemas").click()
    docs.set_viewport_size({"width": 360, "height": 740})
    docs.evaluate(A_FRAME_LATER)  # what scrolls by then can be scrolled by the keyboard
    assert found_by_axe(docs) == []


def test_a_call_has_an_address_of_its_own(docs: Page) -> None:
    docs.locator("[id$=-showMe] .opblock-summary-control").click()
    docs.reload()
    expect(docs.locator("[id$=-showMe]").get_by_role("button", name="Execute")).to_be_visible()


def test_without_javascript_it_leads_to_the_document(browse: Browse, site: Site) -> None:
    docs = browse(site.url, java_script_enabled=False).new_page()
    docs.goto("/api/docs")
    address = docs.get_by_role("link", name="openapi.json").get_attribute("href") or ""
    assert docs.request.get(address).json()["openapi"].startswith("3.1.")
