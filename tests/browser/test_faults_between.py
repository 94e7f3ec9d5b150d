"""Something between browser and server fails: nobody is signed out, and afterwards the same session goes on."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise

import pytest
from playwright.sync_api import Browser

from tests.browser.fault_proxy import Answer, Fault, answers, delays, hangs_up, loses_the_answer, serve_faults
from tests.browser.front_end import serve_front_end
from tests.browser.shop import call, finish_calls, open_shops, seen_by, sid_of
from tests.browser.site import Person, Site, enter, serve_site
from tests.browser.watch import Watch

OFTEN = [200] * 20  # ms between calls
LATER = 25 * 3600  # seconds: tokens of before are refused
PORTAL = b"<!DOCTYPE html><title>Wi-Fi</title><h1>Accept our terms to go on</h1>"
CLOCK_THAT_CAN_BE_SET = """{
    const now = Date.now;
    Date.now = () => now() + (globalThis.ahead ?? 0);
}"""
HALF_A_LIFE = 12 * 3600  # seconds: the earliest that a token is refreshed beforehand
MORE_THAN_HALF_A_LIFE = 13 * 3_600_000  # ms
PRECISION = 0.05  # seconds: the browser's clock and the proxy's are not the same

FAULTS: dict[str, Fault] = {
    "503": answers(503),
    "503, asks for 2 s": answers(503, retry_after="2"),
    "429, asks for 2 s": answers(429, retry_after="2"),
    "502 of a gateway that knows no CORS": lambda exchange: exchange.reply(Answer(502)),
    "no answer": hangs_up,
    "answer lost": loses_the_answer,
    "captive portal": answers(200, PORTAL, content_type="text/html"),
    # Not Basic: Chromium would ask for a password in a window of its own.
    "401 of a proxy": answers(401, www_authenticate='Gateway realm="proxy"'),
    "401 without a challenge": answers(401),
}
SLOW = ("slow", "refused")
# The token is refused by the server, or due by the page's own clock while the server takes it still.
CASES = [
    *((name, "refused") for name in FAULTS),
    *((name, "due") for name in ("503", "429, asks for 2 s", "answer lost")),
]

Runs = dict[tuple[str, str], "Run"]


class Run:
    """One browser behind its own proxy: what its application saw while the fault lasted, and in the end."""

    def __init__(self, stack: ExitStack, chromium: Browser, site: Site, person: Person, *, is_due: bool) -> None:
        self.proxy, shop = stack.enter_context(serve_faults(site.server)), stack.enter_context(serve_front_end())
        shop.use(self.proxy.url, refreshBefore=HALF_A_LIFE)
        self.watch = Watch()
        self.watch.allow_status(401, "/api/me")
        self.watch.allow(r"Failed to load resource: .* at http://localhost:\d+/api/refresh$", "blocked by CORS policy")
        context = chromium.new_context()
        stack.callback(context.close)
        self.watch.put_on(context)
        context.add_init_script(CLOCK_THAT_CAN_BE_SET)
        enter(context, site.url, person)
        (self.page,) = open_shops(context, shop, person)
        self.sid = sid_of(self.page)
        if is_due:
            self.page.evaluate("(ahead) => { globalThis.ahead = ahead }", MORE_THAN_HALF_A_LIFE)

    def begin(self, fault: Fault) -> None:
        self.proxy.arrivals.clear()
        self.proxy.faults["POST /api/refresh"] = fault
        self.page.evaluate("(pauses) => { shop.callAfter(pauses) }", OFTEN)

    def end_fault(self) -> None:
        finish_calls([self.page])
        self.meanwhile = seen_by(self.page)
        self.proxy.faults.clear()

    def finish(self) -> None:
        """Call until a refresh has succeeded, and once more: the pause after the last failure has to pass first."""
        self.seen = self.meanwhile
        while self.seen["sources"].count("refresh") < 2 and not self.seen["ends"]:  # the first was the restore
            self.page.wait_for_timeout(200)
            call(self.page)
            self.seen = seen_by(self.page)
            assert len(self.proxy.arrivals) < 500
        call(self.page)
        self.seen = seen_by(self.page)
        self.refreshes = [at for at, line in self.proxy.arrivals if line == "POST /api/refresh"]


@pytest.fixture(scope="module")
def runs(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """All faults at the same time, because time is what they need."""
    runs: Runs = {}
    with ExitStack() as stack:
        site = stack.enter_context(serve_site(tmp_path_factory.mktemp("faults")))
        person = site.new_person()
        for case in sorted([*CASES, SLOW], key=lambda case: case[1] == "due"):
            if case[1] == "due":
                site.server.move_clock(LATER)  # all others have an older token
            runs[case] = Run(stack, chromium, site, person, is_due=case[1] == "due")
        for name, need in runs:
            runs[name, need].begin(delays(0.7) if name == "slow" else FAULTS[name])
        for run in runs.values():
            run.end_fault()
        for run in runs.values():
            run.finish()
        yield runs


def each_case(test: Callable[..., None]) -> Callable[..., None]:
    return pytest.mark.parametrize("case", CASES, ids=", ".join)(test)


@each_case
def test_nobody_is_signed_out_and_afterwards_the_same_session_goes_on(runs: Runs, case: tuple[str, str]) -> None:
    run = runs[case]
    assert run.seen["ends"] == []
    assert run.seen["statuses"][-1] == 200
    assert sid_of(run.page) == run.sid


@each_case
def test_the_application_sees_failures_in_passing_only_and_none_while_its_token_is_good(
    runs: Runs, case: tuple[str, str]
) -> None:
    run = runs[case]
    statuses = [] if case[1] == "refused" else [200] * len(OFTEN)
    assert run.meanwhile["statuses"] == statuses
    assert len(run.meanwhile["failures"]) == len(OFTEN) - len(statuses)
    assert all(failure.startswith("TransientError") for failure in run.seen["failures"])
    assert set(run.seen["statuses"]) == {200}


@each_case
def test_the_server_is_asked_again_after_pauses_that_it_asks_for_or_that_double(
    runs: Runs, case: tuple[str, str]
) -> None:
    refreshes = runs[case].refreshes
    pauses = [later - earlier for earlier, later in pairwise(refreshes)]
    asked_for = [2.0] * len(pauses)
    doubled = [0.5 * 2**number for number in range(len(pauses))]
    least = asked_for if "asks for" in case[0] else doubled
    assert all(pause > bound - PRECISION for pause, bound in zip(pauses, least, strict=True)), pauses
    # In the four seconds and more that the fault lasts it is tried again, and then it succeeds.
    assert len(refreshes) >= (3 if least is doubled else 2)


def test_while_a_refresh_is_slow_calls_wait_for_it_and_succeed(runs: Runs) -> None:
    run = runs[SLOW]
    assert run.seen["failures"] == run.seen["ends"] == []
    assert run.seen["statuses"] == [200] * (len(OFTEN) + 1)
    assert len(run.refreshes) == 1


def test_the_browser_has_nothing_to_complain_about_meanwhile(runs: Runs) -> None:
    assert [complaint for run in runs.values() for complaint in run.watch.unexpected] == []
