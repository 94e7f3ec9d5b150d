"""Method 1: `X-New-Token`, when it comes, when it must not, and who may read it."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from flask import Flask, Response
from flask.testing import FlaskClient

from tests.support import forge, people
from tests.support.renewals import HEADER, NOW, near_end, renewed
from tests.support.steps import DAY, HOUR, bearer, refresh
from webapp.web import guard

THRESHOLD = 2 * HOUR

pytestmark = pytest.mark.usefixtures("clock")


# --- when ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("remaining", "is_renewed"),
    [(DAY, False), (THRESHOLD + 1, False), (THRESHOLD, False), (THRESHOLD - 1, True), (1, True), (0, False),
     (-1, False), (-9, False)],
)  # fmt: skip
def test_an_access_token_is_renewed_when_less_than_the_threshold_is_left(
    signed_in: people.SignedIn, remaining: int, is_renewed: bool
) -> None:
    """N01: both edges; within the ten seconds of skew an expired token still serves, and is not renewed."""
    assert (renewed(signed_in.http, near_end(signed_in.access, remaining)) is not None) is is_renewed


def test_a_token_that_ages_by_itself_is_renewed_after_22_hours(
    signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """N01, with no forgery: the second before, and the edge."""
    clock.shift(22 * HOUR)
    assert renewed(signed_in.http, signed_in.access) is None
    clock.shift(1)
    assert renewed(signed_in.http, signed_in.access)


def test_the_threshold_is_a_setting(make_app: Callable[..., Flask]) -> None:
    """N01."""
    app = make_app(access_token_expire_minutes=10, auto_refresh_threshold_minutes=5, refresh_token_rotate_hours=0)
    people.create_user(app)
    client = people.sign_in(app.test_client())
    tokens = [forge.forge(client.access, iat=NOW + left - 600, nbf=NOW + left - 600, exp=NOW + left)
              for left in (300, 299)]  # fmt: skip
    assert [renewed(client.http, token) is not None for token in tokens] == [False, True]


def test_nothing_is_renewed_where_refresh_tokens_are_disabled(make_app: Callable[..., Flask]) -> None:
    """The contract's REFRESH_TOKEN_ENABLED=false: no header, no /api/refresh, no refresh token."""
    app = make_app(refresh_token_enabled=False)
    people.create_user(app)
    client = people.sign_in(app.test_client())
    assert client.refresh is None
    assert renewed(client.http, near_end(client.access)) is None
    assert client.http.post("/api/refresh", json={"refresh_token": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/sessions/none", None, 404),
        ("DELETE", "/api/sessions/" + "A" * 22, None, 404),
        ("GET", "/api/products?page=0", None, 400),
        ("PATCH", "/api/me", {}, 422),
        ("PATCH", "/api/me", {"first_name": 1}, 422),
        ("PUT", "/api/me", None, 405),
        ("HEAD", "/api/me", None, 200),
        ("OPTIONS", "/api/me", None, 200),
        ("POST", "/api/refresh", None, 401),
        ("POST", "/api/login", {"email": people.EMAIL, "password": people.PASSWORD}, 200),
        ("POST", "/api/logout", None, 204),
        ("GET", "/", None, 200),
        ("GET", "/healthz", None, 200),
        ("GET", "/nothing", None, 404),
    ],
)
def test_these_answers_never_carry_a_new_token(
    signed_in: people.SignedIn, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    """N01, N02: errors, HEAD, OPTIONS, sign-in, refresh, sign-out, pages."""
    headers = bearer(near_end(signed_in.access))
    with signed_in.http.open(path, method=method, json=body, headers=headers) as reply:
        assert reply.status_code == status
        assert HEADER not in reply.headers


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "/api/me", None), ("PATCH", "/api/me", {"first_name": "Jane"}), ("GET", "/api/sessions", None),
     ("DELETE", "/api/sessions", None), ("GET", "/api/products", None)],
)  # fmt: skip
def test_every_call_that_succeeds_may_renew(
    signed_in: people.SignedIn, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """N01."""
    reply = signed_in.http.open(path, method=method, json=body, headers=bearer(near_end(signed_in.access)))
    assert 200 <= reply.status_code < 300
    assert HEADER in reply.headers


def test_ending_ones_own_session_hands_out_no_new_token(signed_in: people.SignedIn) -> None:
    """N01, V01."""
    path = f"/api/sessions/{forge.read(signed_in.access)['sid']}"
    reply = signed_in.http.delete(path, headers=bearer(near_end(signed_in.access)))
    assert (reply.status_code, HEADER in reply.headers) == (204, False)


@pytest.mark.parametrize("status", [300, 302, 304, 399, 500, 503])
def test_no_answer_outside_2xx_carries_a_new_token(app: Flask, status: int) -> None:
    """N02: for whatever a view of the future may answer."""
    app.add_url_rule("/api/odd", "odd", guard.access_required(lambda: Response(status=status)))
    people.create_user(app)
    client = people.sign_in(app.test_client())
    reply = client.http.get("/api/odd", headers=bearer(near_end(client.access)))
    assert (reply.status_code, HEADER in reply.headers) == (status, False)


def test_a_view_may_opt_out(app: Flask) -> None:
    """N01."""

    def view() -> Response:
        guard.withhold_renewal()
        return Response("ok")

    app.add_url_rule("/api/odd", "odd", guard.access_required(view))
    people.create_user(app)
    client = people.sign_in(app.test_client())
    reply = client.http.get("/api/odd", headers=bearer(near_end(client.access)))
    assert (reply.status_code, HEADER in reply.headers) == (200, False)


@pytest.mark.parametrize("how", ["body", "bearer", "cookie"])
def test_a_refresh_token_is_never_renewed_this_way(
    http: FlaskClient, user_id: int, clock: time_machine.Traveller, how: str
) -> None:
    """N07."""
    client = people.sign_in(http, transport="cookie" if how == "cookie" else "body")
    clock.shift(30 * DAY - HOUR)
    reply = refresh(http, client.refresh or "", how)
    assert (reply.status_code, HEADER in reply.headers) == (200, False)
    reply = http.get("/api/me", headers=bearer(client.refresh or ""))
    assert (reply.status_code, HEADER in reply.headers) == (401, False)


# --- for whom --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "is_exposed"),
    [("https://app.example", True), ("https://evil.example", False), ("null", False), (None, False)],
)
def test_only_allowed_origins_may_read_the_header(
    make_app: Callable[..., Flask], origin: str | None, is_exposed: bool
) -> None:
    """N09: it is sent to all; a browser shows it to the front ends on the list."""
    app = make_app(cors_origins="https://app.example")
    people.create_user(app)
    client = people.sign_in(app.test_client())
    headers = bearer(near_end(client.access)) | ({"Origin": origin} if origin else {})
    reply = client.http.get("/api/me", headers=headers)
    assert HEADER in reply.headers
    assert (HEADER in reply.headers.get("Access-Control-Expose-Headers", "")) is is_exposed
    assert reply.headers.get("Access-Control-Allow-Origin") == (origin if is_exposed else None)
