"""What the browser's HTTP cache holds: no X-New-Token and no page of the account, but all that pages are made with."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.site import JOHN, enter
from tests.support.forge import read
from tests.support.live import LiveServer

URL = "/api/products?page=1"
# The modes in which fetch is ready to take an old answer; "default" first, so that there would be one.
MODES = ["default", "default", "force-cache", "default", "force-cache"]
ASK = """async ([url, token, modes]) => {
    const seen = [];
    for (const cache of modes) {
        const reply = await fetch(url, { cache, headers: { Authorization: `Bearer ${token}` } });
        seen.push([reply.status, reply.headers.get("X-New-Token")]);
    }
    return seen;
}"""
FIRST_TOKEN = "async () => (await (await fetch('/api/refresh', { method: 'POST' })).json()).access_token"


def requests_of(server: LiveServer, path: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("path") == path]


def static_requests(server: LiveServer) -> list[str]:
    lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    return [line["path"] for line in lines if line.get("path", "").startswith("/static/")]


def ask(page: Page, token: str) -> list[str]:
    """Ask the same address once in each mode; return the new tokens that the page saw."""
    seen = page.evaluate(ASK, [URL, token, MODES])
    assert [status for status, _ in seen] == [200] * len(MODES)
    return [new for _, new in seen]


def test_each_new_token_that_a_page_sees_was_minted_for_that_very_request(
    browse: Callable[..., BrowserContext], live: Callable[..., AbstractContextManager[LiveServer]]
) -> None:
    with live(log_format="json") as server:
        context = browse(server.url)
        enter(context, server.url, JOHN)
        page = context.new_page()
        page.goto("/account")
        token = page.evaluate(FIRST_TOKEN)
        server.move_clock(23.5 * 3600)  # half an hour before the token's end: each answer brings a new one
        seen = ask(page, token)
        page.goto("/account/sessions")
        seen += ask(page, token)
        page.go_back()
        expect(page.get_by_role("heading", name="Account")).to_be_visible()
        seen += ask(page, token)
        page.go_forward()
        expect(page.get_by_role("heading", name="Devices")).to_be_visible()
        seen += ask(page, token)
        page.reload()
        seen += ask(page, token)

        answered = requests_of(server, "/api/products")
        assert len(answered) == len(seen) == 5 * len(MODES)
        assert all(line["renewed"] for line in answered)
        minted = [read(new)["jti"] for new in seen]
        assert len(set(minted)) == len(seen)
        assert read(token)["jti"] not in minted


def test_a_page_of_the_account_is_asked_for_each_time_it_is_seen(
    browse: Callable[..., BrowserContext], live: Callable[..., AbstractContextManager[LiveServer]]
) -> None:
    with live(log_format="json", workers=1) as server:
        context = browse(server.url)
        enter(context, server.url, JOHN)
        page = context.new_page()
        for path in ("/account", "/account/sessions"):
            page.goto(path)
        page.go_back()
        page.go_forward()
        page.go_back()
        expect(page.get_by_role("heading", name="Account")).to_be_visible()
        assert [line["status"] for line in requests_of(server, "/account")] == [200] * 3
        assert [line["status"] for line in requests_of(server, "/account/sessions")] == [200] * 2


def test_of_a_second_page_nothing_is_asked_for_but_the_page(
    browse: Callable[..., BrowserContext], live: Callable[..., AbstractContextManager[LiveServer]]
) -> None:
    """Style, scripts, the modules that these import, and pictures are there."""
    with live(log_format="json") as server:
        page = browse(server.url).new_page()
        page.goto("/login", wait_until="networkidle")
        first = static_requests(server)
        assert {path.rpartition(".")[2] for path in first} == {"css", "js", "svg"}
        page.goto("/forgot", wait_until="networkidle")
        page.goto("/login", wait_until="networkidle")
        assert static_requests(server) == first
