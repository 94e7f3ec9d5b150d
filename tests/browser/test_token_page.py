"""The live token page: the bundled client at work, and the page telling what it does."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.site import JOHN, Person, Site, enter, fill_in, submit
from tests.browser.watch import Watch
from tests.support.live import LiveServer

Live = Callable[..., AbstractContextManager[LiveServer]]
Browse = Callable[..., BrowserContext]


@pytest.fixture
def tokens(page: Page, person: Person, site: Site) -> Page:
    """The token page of somebody signed in, with its first token."""
    enter(page.context, site.url, person)
    return open_tokens(page)


def open_tokens(page: Page) -> Page:
    page.goto("/account/tokens")
    expect(page.get_by_role("button", name="Call the API")).to_be_enabled()
    return page


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def log_of(page: Page) -> list[str]:
    """Return the log's lines in the order in which they happened, without their times."""
    return page.locator("[data-part=log] li > span").all_text_contents()[::-1]


def tally(page: Page, label: str) -> int:
    return int(page.locator(f"[data-count={label}]").text_content() or "")


def test_a_token_comes_by_the_cookie_and_its_life_is_counted_down(tokens: Page) -> None:
    timer = tokens.get_by_role("timer")
    expect(timer).to_have_text(re.compile(r"^23:59:\d\d$"))
    first = timer.text_content() or ""
    expect(timer).not_to_have_text(first)
    assert (timer.text_content() or "") < first
    expect(tokens.get_by_text("Fresh", exact=True)).to_be_visible()
    line = tokens.get_by_role("img", name=re.compile("^Life line: (99|100) % of the token's life is left"))
    expect(line).to_be_visible()
    expect(line).to_have_accessible_name(re.compile("which is its last 8 %$"))
    assert log_of(tokens) == ["sent POST /api/refresh → 200", "refreshed by cookie"]


def test_the_life_line_draws_the_threshold_and_where_we_are(tokens: Page) -> None:
    edge, now, line = (tokens.locator(f".lifeline{part}").bounding_box() for part in ("-edge", "-now", ""))
    assert edge and now and line
    assert (edge["x"] - line["x"]) / line["width"] == pytest.approx(1 - 2 / 24, abs=0.03)
    assert (now["x"] - line["x"]) / line["width"] == pytest.approx(0, abs=0.03)


def test_a_call_is_answered_and_noted(tokens: Page) -> None:
    press(tokens, "Call the API")
    expect(tokens.locator("[data-count=answered]")).to_have_text("1")
    press(tokens, "Call 5 at once")
    expect(tokens.locator("[data-count=answered]")).to_have_text("6")
    assert log_of(tokens).count("sent GET /api/me → 200") == 6
    assert tally(tokens, "interrupted") == 0


def test_the_token_shown_is_replaced_by_a_refresh(tokens: Page) -> None:
    generation = tokens.locator("[data-claim=rgen]")
    expect(generation).to_have_text("2")
    press(tokens, "Refresh now")
    expect(generation).to_have_text("3")
    expect(tokens.locator("[data-count=renewed]")).to_have_text("1")
    assert log_of(tokens)[-2:] == ["sent POST /api/refresh → 200", "refreshed by cookie"]


def test_a_broken_token_is_refused_and_healed_and_the_call_succeeds(tokens: Page, watch: Watch) -> None:
    watch.allow_status(401, "/api/me")
    press(tokens, "Break the access token")
    expect(tokens.get_by_role("button", name="Break the access token")).to_have_attribute("aria-pressed", "true")
    press(tokens, "Call the API")
    expect(tokens.get_by_role("log")).to_contain_text("401 healed: refreshed and retried")
    expect(tokens.locator("[data-count=answered]")).to_have_text("1")
    assert log_of(tokens)[-5:] == [
        "sent GET /api/me with a broken token → 401",
        "sent POST /api/refresh → 200",
        "refreshed by cookie",
        "sent GET /api/me → 200",
        "401 healed: refreshed and retried",
    ]
    assert tally(tokens, "interrupted") == 0
    expect(tokens.get_by_role("button", name="Break the access token")).to_have_attribute("aria-pressed", "false")


def test_a_call_in_the_renewal_window_brings_a_new_token_that_is_adopted(browse: Browse, live: Live) -> None:
    with live(workers=1, access_token_expire_minutes=0.5, auto_refresh_threshold_minutes=0.47) as server:
        context = browse(server.url)
        enter(context, server.url, JOHN)
        tokens = open_tokens(context.new_page())
        expect(tokens.get_by_text("Renewal window", exact=True)).to_be_visible()
        expires_before = int(tokens.locator("[data-claim=exp]").text_content() or "")
        press(tokens, "Call the API")
        expect(tokens.locator("[data-count=renewed]")).to_have_text("1")
        expect(tokens.get_by_role("log")).to_contain_text("sent GET /api/me → 200, with X-New-Token")
        expect(tokens.get_by_role("log")).to_contain_text("X-New-Token adopted")
        assert int(tokens.locator("[data-claim=exp]").text_content() or "") > expires_before
        assert log_of(tokens).count("sent POST /api/refresh → 200") == 1
        assert tally(tokens, "interrupted") == 0
        context.close()  # its timer would soon ask a server that is gone


def test_where_refresh_is_switched_off_the_page_says_so_and_offers_nothing(browse: Browse, live: Live) -> None:
    with live(workers=1, refresh_token_enabled=False) as server:
        context = browse(server.url)
        enter(context, server.url, JOHN)
        page = context.new_page()
        page.goto("/account/tokens")
        expect(page.get_by_text("Refresh is switched off on this server")).to_be_visible()
        for name in ("Call the API", "Call 5 at once", "Refresh now", "Break the access token"):
            button = page.get_by_role("button", name=name)
            expect(button).to_be_disabled()
            expect(button).to_have_accessible_description(re.compile("Refresh is switched off"))


def test_a_session_ended_from_another_device_is_over_at_the_next_call(
    tokens: Page, browse: Browse, person: Person, site: Site, watch: Watch
) -> None:
    watch.allow_status(401, "/api/me")
    watch.allow_status(401, "/api/refresh")
    elsewhere = browse(site.url)
    enter(elsewhere, site.url, person)
    devices = elsewhere.new_page()
    devices.goto("/account/sessions")
    press(devices, "Sign out all other devices")
    expect(devices.get_by_role("status").filter(has_text="Signed out 1 other device.")).to_be_visible()

    press(tokens, "Call the API")
    alert = tokens.get_by_role("alert")
    expect(alert).to_contain_text("You are signed out.")
    expect(tokens.get_by_role("timer")).not_to_have_text(re.compile(r"\d\d:\d\d"))
    expect(tokens.get_by_role("button", name="Call the API")).to_be_disabled()
    assert log_of(tokens)[-1] == "signed out"

    alert.get_by_role("link", name="Sign in again").click()
    fill_in(tokens, person)
    submit(tokens)
    expect(tokens).to_have_url(re.compile("/account/tokens$"))
    expect(tokens.get_by_role("button", name="Call the API")).to_be_enabled()


def test_a_server_that_does_not_answer_signs_nobody_out(tokens: Page, watch: Watch) -> None:
    watch.allow("net::ERR_INTERNET_DISCONNECTED")
    tokens.context.set_offline(True)
    press(tokens, "Refresh now")
    expect(tokens.get_by_role("log")).to_contain_text("no answer. Nothing is lost")
    tokens.context.set_offline(False)
    press(tokens, "Call the API")
    expect(tokens.locator("[data-count=answered]")).to_have_text("1")


def test_without_javascript_the_page_says_what_it_needs(browse: Browse, person: Person, site: Site) -> None:
    context = browse(site.url, java_script_enabled=False)
    enter(context, site.url, person)
    page = context.new_page()
    page.goto("/account/tokens")
    # As the reader sees it: Playwright's text search passes over <noscript>.
    expect(page.locator("main")).to_contain_text("This page needs JavaScript", use_inner_text=True)
    expect(page.get_by_role("button", name="Call the API")).to_be_hidden()
