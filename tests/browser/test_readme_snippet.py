"""The README's JavaScript runs as it stands, on a page of our own origin."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

from playwright.sync_api import BrowserContext

from tests.browser.watch import Watch
from tests.support.live import LiveServer
from webapp.config import ROOT

SNIPPETS = re.findall(r"```js\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_snippet_signs_in_and_lists_products(
    browse: Callable[..., BrowserContext], live: Callable[..., AbstractContextManager[LiveServer]], watch: Watch
) -> None:
    watch.allow_status(401, "/api/refresh")  # nobody is signed in yet: Chromium notes the refusal
    assert len(SNIPPETS) == 1
    with live() as server:
        server.flask("demo", "load")
        page = browse(server.url).new_page()
        # Served from our own origin, since the pages' policy lets no other script run.
        page.route(
            "**/static/snippet.js", lambda route: route.fulfill(body=SNIPPETS[0], content_type="text/javascript")
        )
        page.goto("/")
        with page.expect_console_message(lambda message: message.type == "log") as printed:
            page.add_script_tag(url="/static/snippet.js", type="module")
        items = printed.value.args[0].json_value()
    assert [item["name"] for item in items] == ["Norway spruce", "Scots pine"]
