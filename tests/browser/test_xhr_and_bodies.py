"""What an application sends arrives whole the second time, too, and XMLHttpRequest tells of the second time only."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.fault_proxy import Exchange, FaultProxy, answers
from tests.browser.front_end import FrontEnd
from tests.browser.shop import Log, open_shops
from tests.browser.site import Person, Site, enter, serve_site
from tests.browser.watch import Watch

SEND = """async ([way, kind]) => {
    const ways = await import("/bodies.js");
    return ways[way](kind);
}"""
ASK_AT_ONCE = "async (count) => (await import('/bodies.js')).askAtOnce(count, '/me')"
FILE = bytes((index * 7919 >> 8) % 256 for index in range(200_000))
# What frontend/bodies.js sends: the kind of body, and what is in it.
CONTENT = {
    "form": FILE,
    "blob": FILE,
    "string": "grünes Holz".encode(),
    "buffer": FILE[:100_000],
    "parameters": b"q=a+b%26c",
}
BEGINS = ("readystatechange 1", "loadstart")
FAILS = ("readystatechange 4", "error", "loadend")
ENDS = ("readystatechange 4", "load", "loadend")
LONGER_THAN_A_TOKEN = 25 * 3600  # seconds


class Echo:
    """The API's `/echo`, which refuses the first token that it sees, and keeps what arrives."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, str, bytes]] = []  # token, type, body without its random boundary

    def __call__(self, exchange: Exchange) -> None:
        token = exchange.headers["Authorization"]
        kind, _, boundary = exchange.headers.get("Content-Type", "").partition("boundary=")
        body = exchange.body.replace(boundary.encode(), b"") if boundary else exchange.body
        self.arrived.append((token, kind, body))
        if token == self.arrived[0][0]:
            return answers(401, www_authenticate='Bearer error="invalid_token"')(exchange)
        return answers(200, b"{}")(exchange)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of this file's own, because its clock is moved."""
    with serve_site(tmp_path_factory.mktemp("bodies")) as site:
        yield site


@pytest.fixture
def shop(
    browse: Callable[..., BrowserContext], front_end: Callable[..., FrontEnd], proxy: FaultProxy, person: Person
) -> Page:
    """The front end, signed in."""
    context, served = browse(), front_end()
    served.use(proxy.url)
    enter(context, proxy.url, person)
    return open_shops(context, served, person)[0]


@pytest.mark.parametrize("way", ["fetchWith", "fetchRequestWith", "xhrWith"])
def test_a_body_of_any_kind_arrives_whole_after_a_refusal(
    shop: Page, proxy: FaultProxy, watch: Watch, way: str
) -> None:
    watch.allow_status(401, "/api/echo")
    proxy.faults["OPTIONS /api/echo"] = answers(204, access_control_allow_headers="Authorization, Content-Type")
    for kind, content in CONTENT.items():
        echo = proxy.faults["POST /api/echo"] = Echo()
        assert shop.evaluate(SEND, [way, kind]) == 200
        (refused, *first), (taken, *second) = echo.arrived
        assert refused != taken
        assert first == second
        assert content in echo.arrived[1][2]


def test_twenty_refused_requests_tell_of_one_success_each(shop: Page, proxy: FaultProxy, watch: Watch) -> None:
    watch.allow_status(401, "/api/me")
    log = Log(proxy.target)
    proxy.target.move_clock(LONGER_THAN_A_TOKEN)
    seen = shop.evaluate(ASK_AT_ONCE, 20)
    assert [request["status"] for request in seen] == [200] * 20
    for request in seen:
        counted = Counter(request["events"])
        assert [counted[name] for name in ENDS] == [counted[f"on{name}"] for name in ENDS] == [1, 1, 1]
        assert not {"error", "abort", "timeout"} & counted.keys()
    assert log.count("GET /api/me 401") == 20
    assert log.count() == 1


def test_a_refresh_that_fails_in_passing_is_a_network_error(shop: Page, proxy: FaultProxy, watch: Watch) -> None:
    watch.allow_status(401, "/api/me")
    watch.allow_status(503, "/api/refresh")
    proxy.faults["POST /api/refresh"] = answers(503)
    proxy.target.move_clock(LONGER_THAN_A_TOKEN)
    [seen] = shop.evaluate(ASK_AT_ONCE, 1)
    assert (seen["status"], seen["text"], seen["address"]) == (0, "", "")
    assert [name for name in seen["events"] if not name.startswith("on")] == [*BEGINS, *FAILS]
    assert seen["events"].count("onreadystatechange 4") == 1
