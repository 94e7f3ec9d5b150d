"""The JavaScript of README and docs/clients.md runs as it stands, on a page of our own origin."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.watch import Watch
from tests.support.live import LiveServer
from webapp.config import ROOT


def snippet(document: str) -> str:
    """Return the one block of JavaScript of a document that needs nothing but the server."""
    blocks = re.findall(r"```js\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)
    [block] = [block for block in blocks if 'from "/static/js/evergreen/index.js"' in block]
    return str(block)


@pytest.mark.parametrize(
    ("document", "printed"),
    [
        ("README.md", [["Norway spruce", "Scots pine"]]),
        ("docs/clients.md", ["test@test.com", 2]),
    ],
)
def test_the_snippet_signs_in_and_lists_products(
    browse: Callable[..., BrowserContext],
    live: Callable[..., AbstractContextManager[LiveServer]],
    watch: Watch,
    document: str,
    printed: list[Any],
) -> None:
    watch.allow_status(401, "/api/refresh")  # nobody is signed in yet: Chromium notes the refusal
    code = snippet(document)
    with live() as server:
        server.flask("demo", "load")
        page = browse(server.url).new_page()
        # Served from our own origin, since the pages' policy lets no other script run.
        page.route("**/static/snippet.js", lambda route: route.fulfill(body=code, content_type="text/javascript"))
        page.goto("/")
        with page.expect_console_message(lambda message: message.type == "log") as message:
            page.add_script_tag(url="/static/snippet.js", type="module")
        values = [argument.json_value() for argument in message.value.args]
    assert [[item["name"] for item in value] if isinstance(value, list) else value for value in values] == printed
