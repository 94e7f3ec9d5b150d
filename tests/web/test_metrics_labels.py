"""No label of /metrics holds what somebody has sent, and no secret is told."""

import re
import string

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from tests.support import people
from tests.support.databases import fresh_database
from tests.support.scraping import read
from tests.support.settings import make_settings
from tests.support.steps import login, refresh
from webapp import create_app, metrics
from webapp.version import VERSION

LABEL_VALUES = {
    "method": {*metrics.METHODS, "other", "silent", "manual", "password", "passkey"},
    "outcome": {outcome for outcomes in metrics.SIGN_IN_OUTCOMES.values() for outcome in outcomes},
    "version": {VERSION},
}


def numbers(text: str) -> set[str]:
    """Return the lines of numbers, without these."""
    return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}


def assert_labels_are_ours(app: Flask, lines: set[str]) -> None:
    routes = {rule.rule.replace('"', '\\"') for rule in app.url_map.iter_rules()} | {"unmatched"}
    for line in lines:
        for name, value in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line):
            if name == "route":
                assert value in routes, line
            elif name == "status":
                assert re.fullmatch("[1-5][0-9][0-9]", value), line
            elif name == "le":
                assert re.fullmatch(r"[0-9.]+|\+Inf", value), line
            else:
                assert value in LABEL_VALUES[name], line


@pytest.fixture(scope="module")
def fuzzed_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return create_app(make_settings(database_url=fresh_database("sqlite", tmp_path_factory.mktemp("fuzz"))))


@pytest.fixture(scope="module")
def counted_before(fuzzed_app: Flask) -> set[str]:
    """Lines that are there already: other tests of this process may have had routes of their own."""
    return numbers(fuzzed_app.test_client().get("/metrics").text)


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), max_size=30)
PREFIXES = ["/", "/api/", "/verify/", "/api/sessions/", "/static/", "/metrics/", "//", "/api/login/", "/login"]


@given(
    path=st.builds(str.__add__, st.sampled_from(PREFIXES), TEXT),
    method=st.sampled_from([*metrics.METHODS]) | st.text(string.ascii_letters + string.digits + "-_", min_size=1),
    host=st.sampled_from(["localhost", "127.0.0.1", "evil.example", 'a"b', "localhost:1"]),
    agent=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_label_holds_what_was_sent(
    fuzzed_app: Flask, counted_before: set[str], *, path: str, method: str, host: str, agent: str
) -> None:
    http = fuzzed_app.test_client()
    headers = Headers([("Host", host), ("User-Agent", agent)])
    with http.open(
        "/", method=method, headers=headers, environ_overrides={"PATH_INFO": path.encode().decode("latin1")}
    ):
        pass
    assert_labels_are_ours(fuzzed_app, numbers(fuzzed_app.test_client().get("/metrics").text) - counted_before)


def test_methods_that_somebody_makes_up_add_one_line_and_no_more(fuzzed_app: Flask) -> None:
    http = fuzzed_app.test_client()
    http.open("/nope", method="WORD")
    before = http.get("/metrics").text.count("evergreen_http_requests_total{")
    for number in range(50):
        http.open(f"/nope/{number}", method=f"WORD{number}")
    assert http.get("/metrics").text.count("evergreen_http_requests_total{") <= before + 1  # that of /metrics itself


def test_no_secret_is_told(app: Flask, user_id: int) -> None:
    http = app.test_client()
    session = people.sign_in(http)
    cookie = people.sign_in(app.test_client(), transport="cookie").refresh or ""
    canary = "canary-5f1d"
    login(app, email=f"{canary}@test.com", password=canary)
    login(app, code=canary)
    http.get(f"/reset/{canary}?token={canary}", headers={"User-Agent": canary, "X-Request-Id": canary})
    http.get(f"/{canary}", headers={"Authorization": f"Bearer {canary}", "Cookie": f"refresh_token={canary}"})
    refresh(http, canary)
    shown = http.get("/metrics", headers=session.bearer).text
    assert read(shown)
    settings_of_app = app.extensions["settings"]
    secrets = [canary, people.EMAIL, people.PASSWORD, "John", "eyJ", session.access, session.refresh or "", cookie]
    for secret in (*secrets, settings_of_app.secret_key.get_secret_value(), settings_of_app.database_url, "127.0.0.1"):
        assert secret not in shown, secret
