"""A front end on another origin goes on for lives of a token; its code never sees that tokens end."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.front_end import OWN_COPY, FrontEnd, serve_front_end
from tests.browser.shop import seen_by, sign_in_at
from tests.browser.site import JOHN
from tests.browser.watch import Watch
from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.live import serve
from tests.support.settings import make_settings
from webapp import create_app

LIFE = 6  # seconds that an access token lives here
OFTEN = [250] * 64  # ms between calls: more than 2.5 lives, never long without one
SELDOM = [0, 7500, 7500, 1000]  # each pause outlives a token


@dataclass
class Run:
    """What the application's code saw, what went over the wire since the sign-in, what Chromium complained of."""

    seen: dict[str, list[Any]]
    wire: list[tuple[str, int]]
    complaints: list[str]


class Runner:
    """A front end in a context of its own, signed in and calling with the given pauses."""

    def __init__(self, chromium: Browser, stack: ExitStack, front_end: FrontEnd, *, pauses: list[int]) -> None:
        self.watch, self.wire = Watch(), list[tuple[str, int]]()
        self.watch.allow_status(401, "/api/refresh")  # asked on load, before anybody has signed in
        self.watch.allow_status(401, "/api/me")  # a call may be late; what that means is for the tests to say
        context = chromium.new_context()
        stack.callback(context.close)
        self.watch.put_on(context)
        self.page = context.new_page()
        self.page.goto(front_end.origin)
        sign_in_at(self.page, JOHN)
        self.page.on("response", lambda reply: self.wire.append((reply.url.partition("/api")[2], reply.status)))
        self.page.evaluate("(pauses) => { shop.callAfter(pauses) }", pauses)

    def finish(self) -> Run:
        expect(self.page.locator("#calls")).to_have_text("done", timeout=60_000)
        return Run(seen_by(self.page), self.wire, self.watch.unexpected)


@pytest.fixture(scope="module")
def runs(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """Both long runs at the same time, because time itself is what they need: more than 2.5 lives of a token."""
    folder = tmp_path_factory.mktemp("long-run")
    database_url = fresh_database("sqlite", folder)
    app = create_app(make_settings(database_url=database_url))
    people.create_user(app)
    with app.app_context():
        close_connections()
    with ExitStack() as stack:
        shops = {name: stack.enter_context(serve_front_end()) for name in ("often", "seldom")}
        settings = {
            "access_token_expire_minutes": LIFE / 60,
            "auto_refresh_threshold_minutes": LIFE / 2 / 60,
            "cors_origins": ",".join(shop.origin for shop in shops.values()),
        }
        server = stack.enter_context(serve(folder, database_url, **settings))
        # Refreshing beforehand would leave silent refresh nothing to do in lives this short.
        shops["often"].use(server.url, client=f"{server.url}/static/js/evergreen/index.js", refreshBefore=1)
        shops["seldom"].use(server.url, client=OWN_COPY)
        runners = {
            name: Runner(chromium, stack, shops[name], pauses=pauses)
            for name, pauses in (("often", OFTEN), ("seldom", SELDOM))
        }
        yield {name: runner.finish() for name, runner in runners.items()}


def test_calls_made_often_go_on_for_lives_of_a_token_by_silent_refresh(runs: dict[str, Run]) -> None:
    run = runs["often"]
    assert run.seen["statuses"] == [200] * len(OFTEN)
    assert run.seen["failures"] == run.seen["ends"] == []
    assert run.seen["sources"].count("header") >= 2
    assert 401 not in [status for _, status in run.wire]


def test_calls_after_pauses_longer_than_a_life_go_on_by_manual_refresh(runs: dict[str, Run]) -> None:
    run = runs["seldom"]
    assert run.seen["statuses"] == [200] * len(SELDOM)
    assert run.seen["failures"] == run.seen["ends"] == []
    assert run.seen["sources"].count("refresh") >= 2
    assert run.wire.count(("/refresh", 200)) >= 2


@pytest.mark.parametrize("name", ["often", "seldom"])
def test_the_browser_has_nothing_to_complain_about_meanwhile(runs: dict[str, Run], name: str) -> None:
    assert runs[name].complaints == []
