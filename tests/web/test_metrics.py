"""What /metrics tells: each number moves by exactly what happened, and no label holds what somebody has sent."""

import re
import string
from collections.abc import Callable
from pathlib import Path
from threading import BoundedSemaphore

import pyotp
import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from tests.support import people
from tests.support.databases import close_connections, closed_postgresql, empty_sqlite, fresh_database, no_sqlite
from tests.support.scraping import Samples, read, risen, scrape
from tests.support.services import POSTGRESQL, require_postgresql
from tests.support.settings import make_settings
from tests.support.steps import DAY, HOUR, START, refresh, sign_in_by_form, submit, successor
from webapp import create_app, mail, metrics, passkey_ceremonies, passwords, session_state
from webapp.clock import utc_now
from webapp.database import db
from webapp.outbox import MailKind, enqueue
from webapp.version import VERSION

WRONG = "not the password"
PASSKEY = {"credential": {"id": "x", "response": {}}}


class Watch:
    """What has changed since it was made."""

    def __init__(self, app: Flask) -> None:
        self._http = app.test_client()
        self._before = scrape(self._http)

    def risen(self, name: str) -> Samples:
        return risen(self._before, scrape(self._http), f"evergreen_{name}")

    @property
    def sign_ins(self) -> Samples:
        """By method and outcome, as in "password success"."""
        changes = self.risen("sign_ins_total")
        return {" ".join(re.findall(r'"(.*?)"', key)): change for key, change in changes.items()}


@pytest.fixture
def watch(app: Flask, user_id: int) -> Watch:
    return Watch(app)


def login(app: Flask, **fields: str) -> int:
    body = {"email": people.EMAIL, "password": people.PASSWORD, **fields}
    return app.test_client().post("/api/login", json=body).status_code


# --- requests --------------------------------------------------------------------------------------------


def test_requests_are_counted_by_method_route_and_status(app: Flask, watch: Watch) -> None:
    session = people.sign_in(app.test_client())
    session.me()
    session.me()
    session.me("x")
    session.http.head("/login")
    session.http.open("/login", method="PROPFIND")
    session.http.get("/verify/a-secret-token-of-a-mail")
    session.http.delete("/api/sessions/" + "A" * 22, headers=session.bearer)
    session.http.get("/static/css/base.css").close()
    session.http.get("/no/such/address")
    session.http.post("/metrics")
    assert watch.risen("http_requests_total") == {
        '{method="POST",route="/api/login",status="200"}': 1,
        '{method="GET",route="/api/me",status="200"}': 2,
        '{method="GET",route="/api/me",status="401"}': 1,
        '{method="HEAD",route="/login",status="200"}': 1,
        '{method="other",route="unmatched",status="405"}': 1,
        '{method="GET",route="/verify/<token>",status="400"}': 1,
        '{method="DELETE",route="/api/sessions/<session_id:sid>",status="404"}': 1,
        '{method="GET",route="/static/<path:filename>",status="200"}': 1,
        '{method="GET",route="unmatched",status="404"}': 1,
        '{method="POST",route="unmatched",status="405"}': 1,
        '{method="GET",route="/metrics",status="200"}': 1,  # the one before; its own is counted after it
    }
    durations = watch.risen("http_request_duration_seconds_count")
    assert durations.pop('{route="/metrics"}') == 2
    assert durations == {
        '{route="/api/login"}': 1,
        '{route="/api/me"}': 3,
        '{route="/login"}': 1,
        '{route="/verify/<token>"}': 1,
        '{route="/api/sessions/<session_id:sid>"}': 1,
        '{route="/static/<path:filename>"}': 1,
        '{route="unmatched"}': 3,
    }


def test_an_error_of_ours_is_counted_too(app: Flask, watch: Watch) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.view_functions["home.index"] = lambda: 1 / 0
    assert app.test_client().get("/").status_code == 500
    assert '{method="GET",route="/",status="500"}' in watch.risen("http_requests_total")


def test_a_duration_is_counted_in_seconds(app: Flask, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([100.0, 100.75, 100.75, 100.75, *range(200, 300)])
    monkeypatch.setattr("webapp.web.context.perf_counter", lambda: next(moments))
    monkeypatch.setattr("webapp.web.hooks.perf_counter", lambda: next(moments))
    app.test_client().get("/healthz")
    assert watch.risen("http_request_duration_seconds_sum")['{route="/healthz"}'] == 0.75
    buckets = watch.risen("http_request_duration_seconds_bucket")
    assert {key for key in buckets if "/healthz" in key} == {
        f'{{le="{edge}",route="/healthz"}}' for edge in ("1.0", "2.5", "10.0", "+Inf")
    }


# --- sign-ins --------------------------------------------------------------------------------------------


def test_sign_ins_by_the_api(app: Flask, watch: Watch) -> None:
    assert [login(app), login(app), login(app, password=WRONG), login(app, email="no@body.com")] == [200, 200, 401, 401]
    assert login(app, transport="pigeon") == login(app, password="") == 422  # no attempt
    assert watch.sign_ins == {"password success": 2, "password invalid_credentials": 2}


def test_sign_ins_on_pages(app: Flask, watch: Watch) -> None:
    assert sign_in_by_form(app.test_client()).status_code == 303
    assert sign_in_by_form(app.test_client(), password=WRONG).status_code == 422
    assert app.test_client().post("/login", data={"email": people.EMAIL}).status_code == 400  # no form of ours
    app.test_client().get("/login")
    assert watch.sign_ins == {"password success": 1, "password invalid_credentials": 1}


def test_sign_ins_with_a_second_factor(app: Flask, user_id: int) -> None:
    with time_machine.travel(START, tick=False) as clock:
        session = people.sign_in(app.test_client())
        secret = session.http.post("/api/me/totp", headers=session.bearer).json["secret"]
        clock.shift(30)

        def code() -> str:
            clock.shift(30)
            return pyotp.TOTP(secret).at(int(utc_now().timestamp()))

        watch = Watch(app)
        confirmation = {"code": "000000"}
        session.http.post("/api/me/totp/confirm", json=confirmation, headers=session.bearer)
        assert session.http.post(
            "/api/me/totp/confirm", json={"code": code()}, headers=session.bearer
        ).status_code == 200  # fmt: skip
        assert watch.sign_ins == {}  # a code at the setting up is no sign-in
        assert [login(app), login(app, code="000000"), login(app, code=code())] == [401, 401, 200]
        assert watch.sign_ins == {"password mfa_required": 1, "password invalid_code": 1, "password success": 1}
        watch, browser = Watch(app), app.test_client()
        assert sign_in_by_form(browser).status_code == 303
        assert watch.sign_ins == {"password mfa_required": 1}
        assert submit(browser, "/login/code", {"code": "000000"}).status_code == 422
        assert submit(browser, "/login/code", {"code": code()}).status_code == 303
        assert watch.sign_ins == {"password mfa_required": 1, "password invalid_code": 1, "password success": 1}


def test_sign_ins_that_the_throttle_refuses(make_app: Callable[..., Flask], user_id: int) -> None:
    app = make_app(ratelimit_enabled=True)
    watch = Watch(app)
    assert [login(app, password=WRONG) for _ in range(12)] == [401] * 10 + [429] * 2
    assert sign_in_by_form(app.test_client()).status_code == 429
    assert watch.sign_ins == {"password invalid_credentials": 10, "password too_many_attempts": 3}


def test_sign_ins_for_which_there_is_no_room(app: Flask, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    full = BoundedSemaphore(1)
    full.acquire()
    monkeypatch.setattr(passwords, "_admitted", full)
    assert [login(app), sign_in_by_form(app.test_client()).status_code] == [503, 503]
    assert watch.sign_ins == {"password too_busy": 2}
    assert watch.risen("password_hashes_refused_total") == {"": 2}
    assert watch.risen("password_hash_seconds_count") == {}


def test_sign_ins_by_passkey(app: Flask, user_id: int, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    def sign_in() -> int:
        return app.test_client().post("/api/login/passkey", json=PASSKEY).status_code

    app.test_client().post("/api/login/passkey/options")
    assert sign_in() == 401
    monkeypatch.setattr(passkey_ceremonies, "authenticate", lambda *_, **__: user_id)
    assert sign_in() == 200
    assert watch.sign_ins == {"passkey invalid_passkey": 1, "passkey success": 1}


def test_sign_ins_without_a_database(tmp_path: Path) -> None:
    app = create_app(make_settings(database_url=f"sqlite:///{tmp_path}"))
    watch = Watch(app)
    assert login(app) == 503
    assert watch.sign_ins == {"password database_unavailable": 1}


def test_a_password_that_confirms_an_address_signs_in(app: Flask, tmp_path: Path) -> None:
    app.test_client().post("/api/register", json={"email": "new@test.com", "password": "seven quiet hedges"})
    with app.app_context():
        row = db.session.scalars(db.select(mail.OutboxMail)).one()
        link = mail.compose(db.session, make_settings(), row, now=utc_now()).link
    path = "/verify/" + link.rpartition("/")[2]
    watch = Watch(app)
    assert submit(app.test_client(), path, {"password": WRONG}).status_code == 422
    assert submit(app.test_client(), path, {"password": "seven quiet hedges"}).status_code == 303
    assert watch.sign_ins == {"password invalid_credentials": 1, "password success": 1}


def test_every_door_and_outcome_is_there_before_anybody_comes(app: Flask) -> None:
    shown = scrape(app.test_client())
    for method, outcomes in metrics.SIGN_IN_OUTCOMES.items():
        for outcome in outcomes:
            assert f'evergreen_sign_ins_total{{method="{method}",outcome="{outcome}"}}' in shown
    assert {f'evergreen_refreshes_total{{method="{method}"}}' for method in ("silent", "manual")} <= shown.keys()


def test_the_doors_where_sign_ins_are_counted_exist(app: Flask) -> None:
    from webapp.web.hooks import _SIGN_IN_DOORS

    assert _SIGN_IN_DOORS.keys() <= app.view_functions.keys()


# --- refreshes -------------------------------------------------------------------------------------------


def test_each_refresh_is_counted_though_only_one_a_minute_is_written_down(app: Flask, user_id: int) -> None:
    session = people.sign_in(app.test_client())
    watch, token = Watch(app), session.refresh or ""
    for _ in range(3):
        token = successor(refresh(session.http, token))
    assert watch.risen("refreshes_total") == {'{method="manual"}': 3}
    with time_machine.travel(utc_now().timestamp() + DAY - HOUR, tick=False):
        assert ["X-New-Token" in session.me().headers for _ in range(2)] == [True, True]
        session.http.head("/api/me", headers=session.bearer)
        assert watch.risen("refreshes_total") == {'{method="manual"}': 3, '{method="silent"}': 2}


def test_a_refused_refresh_is_none(app: Flask, watch: Watch) -> None:
    session = people.sign_in(app.test_client())
    refresh(session.http, "x")
    session.http.post("/api/logout", headers=session.bearer)
    assert refresh(session.http, session.refresh or "").status_code == 401
    assert watch.risen("refreshes_total") == watch.risen("refresh_reuse_total") == {}


def test_a_refresh_that_cannot_be_written_down_is_counted(
    app: Flask, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = people.sign_in(app.test_client())
    monkeypatch.setattr(session_state, "SessionRefresh", lambda **_: pytest.fail("not within a minute"))
    with app.app_context():
        db.session.execute(db.update(session_state.AuthSession).values(refreshed_at=utc_now()))
        db.session.commit()
    assert refresh(session.http, session.refresh or "").status_code == 200
    assert watch.risen("refreshes_total") == {'{method="manual"}': 1}


def test_a_superseded_token_that_comes_back_is_counted_each_time(app: Flask, user_id: int) -> None:
    session = people.sign_in(app.test_client())
    first = session.refresh or ""
    second = successor(refresh(session.http, first))
    refresh(session.http, second)
    watch = Watch(app)
    with time_machine.travel(utc_now().timestamp() + 60, tick=False):
        assert [refresh(session.http, first).status_code for _ in range(2)] == [401, 401]
        assert refresh(session.http, second).status_code == 401
    assert watch.risen("refresh_reuse_total") == {"": 2}
    assert watch.risen("refreshes_total") == {}


# --- hashes ----------------------------------------------------------------------------------------------


def test_each_hash_is_timed_where_it_is_made(app: Flask, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = passwords.hash_password("right")
    passwords.verify_password(stored, "right")
    passwords.verify_password(stored, WRONG)
    passwords.verify_password(None, WRONG)
    assert watch.risen("password_hash_seconds_count") == {"": 4}
    assert 0 < watch.risen("password_hash_seconds_sum")[""] < 4
    assert watch.risen("password_hashes_refused_total") == {}


# --- how things stand ------------------------------------------------------------------------------------


def test_active_sessions_are_those_of_the_dashboard(app: Flask, watch: Watch) -> None:
    http = app.test_client()
    sessions = [people.sign_in(app.test_client()) for _ in range(3)]
    assert scrape(http)["evergreen_active_sessions"] == 3
    sessions[0].http.post("/api/logout", headers=sessions[0].bearer)
    assert scrape(http)["evergreen_active_sessions"] == 2
    with time_machine.travel(utc_now().timestamp() + 31 * DAY, tick=False):
        assert scrape(http)["evergreen_active_sessions"] == 0


def test_mails_that_wait_and_that_have_failed(app: Flask, user_id: int) -> None:
    with app.app_context():
        for _ in range(3):
            enqueue(db.session, MailKind.PASSWORD_CHANGED, user_id=user_id, now=utc_now())
        db.session.flush()
        db.session.execute(db.update(mail.OutboxMail).where(mail.OutboxMail.id == 1).values(failed_at=utc_now()))
        db.session.commit()
    shown = scrape(app.test_client())
    assert (shown["evergreen_mails_waiting"], shown["evergreen_mails_failed"]) == (2, 1)


def test_the_version_is_told(app: Flask) -> None:
    assert scrape(app.test_client())[f'evergreen_build_info{{version="{VERSION}"}}'] == 1


def foreign_postgresql(_: Path) -> str:
    require_postgresql()
    return f"{POSTGRESQL}/postgres"  # which has no tables of ours


@pytest.mark.parametrize("url", [closed_postgresql, foreign_postgresql, empty_sqlite, no_sqlite])
def test_without_a_database_the_rest_is_told(tmp_path: Path, url: Callable[[Path], str]) -> None:
    away = create_app(make_settings(database_url=url(tmp_path)))
    shown = scrape(away.test_client())
    assert shown["evergreen_database_up"] == 0
    assert not {name for name in shown if re.match("evergreen_(active|mails)", name)}
    assert f'evergreen_build_info{{version="{VERSION}"}}' in shown
    assert 'evergreen_refreshes_total{method="silent"}' in shown
    with away.app_context():
        close_connections()


# --- what no label may hold ------------------------------------------------------------------------------

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
