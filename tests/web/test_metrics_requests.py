"""What /metrics tells of requests: how many by method, route and status, and how long they took."""

import pytest
from flask import Flask

from tests.support import people
from tests.support.scraping import Watch


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
