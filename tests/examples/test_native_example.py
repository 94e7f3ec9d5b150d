"""The service of examples/native: an app that was away for a day, or closed, is still signed in."""

from pathlib import Path

import pytest

from tests.support.live import LiveServer
from tests.support.programs import clean_environment, install, killed_in_time, run, started
from webapp.config import ROOT

HOUR = 3600
EXAMPLE = ROOT / "examples/native"
CALL = "  5 products, the first is Norway spruce\n"
OPENED = f"""\
The app is opened for the first time.
  user: null
  new access token: login
{CALL}\
In the background. Press Enter when the access token has expired, or type how many hours to be away:
"""
REOPENED = f"""\
Closed, and opened again.
  new access token: refresh
  user: test@test.com
{CALL}\
Sign out.
  signed out: logout
  stored items: 0
"""


RENEWED = "  new access token: refresh\n"
PRESSED = "A button is pressed.\n"


@pytest.mark.parametrize(
    ("away", "then", "refusals"),
    [
        # In the foreground the app sees that the token has expired,
        pytest.param("25", RENEWED + PRESSED, 0, id="by the phone's clock as well"),
        # or else the first call finds out, and is sent once more.
        pytest.param("", PRESSED + RENEWED, 1, id="by the server's clock only"),
    ],
)
def test_the_app_is_still_signed_in_when_it_comes_back_after_a_day(
    node: str, api: LiveServer, away: str, then: str, refusals: int
) -> None:
    command = [node, "demo.js"]
    environment = clean_environment(EVERGREEN_API=f"{api.url}/api")
    with started(command, cwd=install(EXAMPLE), env=environment) as demo, killed_in_time(demo):
        assert demo.stdout
        assert "".join(demo.stdout.readline() for _ in OPENED.splitlines()) == OPENED
        api.move_clock(25 * HOUR)
        out, err = demo.communicate(f"{away}\n", timeout=20)
    assert (out, err, demo.returncode) == (f"Back again.\n{then}{CALL}{REOPENED}", "", 0)
    assert api.log.count(" 401 ") == refusals
    assert api.log.count("POST /api/refresh 200") == 2
    assert api.log.count("POST /api/logout 204") == 1


def test_the_screen_is_built_as_metro_would(tools: Path) -> None:
    install(EXAMPLE)
    command = [
        *(str(tools / "node_modules/.bin/esbuild"), "App.jsx", "--bundle", "--format=esm", "--log-level=warning"),
        *("--jsx=automatic", "--conditions=react-native", "--external:react", "--external:react/jsx-runtime"),
        *("--external:react-native", "--external:@react-native-async-storage/async-storage"),
    ]
    done = run(command, cwd=EXAMPLE, env=clean_environment())
    assert (done.stderr, done.returncode) == ("", 0)
    assert "PlainEventTarget" in done.stdout
