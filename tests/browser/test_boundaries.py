"""What other people's pages and addresses cannot do with ours: frame it, or use it to lead somebody away."""

from collections.abc import Callable
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.front_end import FrontEnd
from tests.browser.site import Person, Site, enter, fill_in, submit
from tests.browser.watch import Watch

NASTY = [
    "//evil.example",
    "///evil.example",
    "////evil.example/%2e%2e",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nLocation: https://evil.example",
    "\t//evil.example",
    " //evil.example",
    "https://evil.example",
    "https:evil.example",
    "http:\\\\evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "/..//evil.example",
    "/.//evil.example",
    "/account/..//evil.example",
    "@evil.example",
    "/%09/evil.example",
    "/%5cevil.example",
    "/\u3002evil.example",
    "//evil\u3002example",
    "/" + "a" * 3000,
]


@pytest.fixture
def guarded(page: Page, watch: Watch) -> Page:
    """A page that cannot leave for evil.example; to try is noted."""
    watch.allow(r"Failed to load resource: .* status of 404 ")
    page.context.route("**/*evil.example/**", lambda route: route.abort())
    return page


def test_no_nasty_next_leads_somebody_signed_in_away(guarded: Page, person: Person, site: Site) -> None:
    enter(guarded.context, site.url, person)
    for target in NASTY:
        guarded.goto(f"/login?next={quote(target, safe='')}")
        assert urlsplit(guarded.url)[:2] == urlsplit(site.url)[:2], target
        expect(guarded.get_by_role("button", name="Sign out")).to_be_visible()


def test_no_nasty_next_leads_away_when_signing_in(guarded: Page, person: Person, site: Site) -> None:
    for target in NASTY[::3]:  # the same check as above, behind the form
        guarded.context.clear_cookies()
        guarded.goto(f"/login?next={quote(target, safe='')}")
        fill_in(guarded, person)
        submit(guarded)
        expect(guarded.get_by_role("button", name="Sign out")).to_be_visible()
        assert urlsplit(guarded.url)[:2] == urlsplit(site.url)[:2], target


@pytest.mark.parametrize("path", ["/login", "/account", "/account/sessions", "/no-such-page"])
def test_another_origin_cannot_frame_our_pages(
    page: Page, site: Site, front_end: Callable[..., FrontEnd], watch: Watch, path: str
) -> None:
    watch.allow("frame-ancestors", "X-Frame-Options", "status of 404")
    enter(page.context, site.url, site.new_person())
    other = front_end()
    other.words["FRAMED"] = site.url + path
    page.goto(f"{other.origin}/frame.html")
    frame = page.frames[1]
    assert frame.url.startswith("chrome-error:")
    expect(frame.locator("body")).not_to_contain_text("Evergreen")
    assert any("frame-ancestors" in complaint for complaint in watch.complaints)


def test_our_own_pages_cannot_be_framed_by_us_either(page: Page, site: Site, watch: Watch) -> None:
    watch.allow("frame-src|default-src|frame-ancestors")
    page.goto("/")
    page.evaluate(
        """() => new Promise((resolve) => {
            const frame = document.createElement("iframe");
            frame.addEventListener("load", resolve);
            frame.src = "/login";
            document.body.append(frame);
        })"""
    )
    assert not page.frames[1].url.endswith("/login")


def test_the_policy_stops_a_script_that_somebody_got_into_a_page(page: Page, watch: Watch) -> None:
    watch.allow("CSP: script-src", "violates the following Content Security Policy directive")
    page.goto("/login")
    page.evaluate(
        """() => {
            const image = document.createElement("div");
            image.innerHTML = '<img src="data:," onerror="document.title = `stolen`">';
            document.body.append(image);
            const script = document.createElement("script");
            script.textContent = "document.title = `stolen`";
            document.body.append(script);
        }"""
    )
    expect(page).not_to_have_title("stolen")
    page.wait_for_function("() => document.querySelector('img[onerror]').complete")
    assert page.title() != "stolen"
    assert [text for text in watch.complaints if text.startswith("CSP: script-src")]


def test_install_fetch_makes_every_call_of_a_page_carry_the_token(page: Page, person: Person, site: Site) -> None:
    enter(page.context, site.url, person)
    page.goto("/account")
    seen = page.evaluate(
        """async () => {
            const { createAuth, installFetch } = await import("/static/js/evergreen/index.js");
            const before = window.fetch;
            const auth = createAuth();
            const undo = installFetch(auth);
            const me = await (await fetch("/api/me")).json();
            const changed = await fetch(new Request("/api/me", {
                method: "PATCH",
                headers: { "Content-Type": "application/json" },
                body: JSON.stringify({ first_name: "Ida" }),
            }));
            const other = await fetch("/static/img/mark.svg");
            undo();
            return [me.email, (await changed.json()).first_name, other.status, window.fetch === before];
        }"""
    )
    assert seen == [person.email, "Ida", 200, True]


def test_pages_of_ours_share_nothing_with_other_origins(
    browse: Callable[..., BrowserContext], site: Site, person: Person, front_end: Callable[..., FrontEnd], watch: Watch
) -> None:
    watch.allow("blocked by CORS policy", "net::ERR_FAILED", "status of 401")
    other = front_end()
    other.use(site.url)
    context = browse()
    enter(context, site.url, person)
    page = context.new_page()
    page.goto(other.origin)
    for path in ("/account", "/login", "/"):
        script = "(url) => fetch(url, { credentials: 'include' }).then(() => 'read', (error) => error.name)"
        assert page.evaluate(script, site.url + path) == "TypeError"
