"""Every address: closed unless this file says it is open (Z01), bounded (I11), and what a setting takes away."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from tests.support import people
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import AuthSession

# Whoever adds a route adds it here, or it has to refuse whoever is not signed in.
PUBLIC = {
    "GET /",
    "GET /login",
    "POST /login",
    "GET /login/code",
    "POST /login/code",  # asks for the sign-in that waits for it
    "POST /logout",
    "GET /register",
    "POST /register",
    "POST /password-strength",
    "GET /check-your-mail",
    "GET /forgot",
    "POST /forgot",
    # The links of mails: what opens them is the one-time token in the address.
    "GET /verify/<token>",
    "POST /verify/<token>",
    "GET /reset/<token>",
    "POST /reset/<token>",
    "GET /not-me/<token>",
    "POST /not-me/<token>",
    "GET /undo/<token>",
    "POST /undo/<token>",
    # In development alone.
    "GET /dev/mail",
    "GET /dev/mail/<name>",
    "GET /dev/mail/<name>/html",
    "POST /api/register",
    "POST /api/email/verify",
    "POST /api/password/forgot",
    "POST /api/password/reset",
    "POST /api/login",
    "POST /api/login/passkey/options",
    "POST /api/login/passkey",
    "POST /api/refresh",  # asks for a refresh token by itself
    "POST /api/logout",
    "GET /api/openapi.json",
    "GET /api/docs",
    'GET /static/swagger-ui/<any("swagger-ui-bundle.js", "swagger-ui.css"):name>',
    "POST /api/introspect",  # asks for a service's secret
    "GET /.well-known/jwks.json",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",  # open to this machine and to the bearer of METRICS_TOKEN
}
STATIC = "static"  # style, scripts and pictures: no one's secret, and no view of ours
A_SID = "A" * 22


def routes(app: Flask) -> set[str]:
    """Every method and path of the application but for OPTIONS and HEAD, which follow from GET, and static files."""
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if rule.endpoint != STATIC
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}
    }


def refuses(reply: TestResponse, path: str) -> bool:
    if path.startswith("/api/"):
        return reply.status_code == 401 and reply.headers["WWW-Authenticate"].startswith("Bearer")
    return reply.status_code == 303 and reply.headers["Location"].partition("?")[0] == "/login"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer x"}, {"Cookie": "refresh_token=x"}, {"Authorization": "Basic dGVzdDp0ZXN0"},
     {"X-HTTP-Method-Override": "GET"}, {"X-Original-URL": "/login"}],
    ids=str,
)  # fmt: skip
def test_every_route_that_is_not_public_refuses_the_anonymous(make_app, headers) -> None:
    """Z01: walks the address map, so that a route added without a guard is found. Forms are let through here: without
    CSRF tokens, all that stands before a page is its guard."""
    app = make_app()
    app.config["WTF_CSRF_ENABLED"] = False
    closed = routes(app) - PUBLIC
    assert len(closed) > 5
    for route in closed:
        method, rule = route.split()
        path = rule.replace("<session_id:sid>", A_SID).replace("<row_id:passkey_id>", "1")
        path = path.replace("<row_id:user_id>", "1").replace("<act>", "deactivate")
        assert "<" not in path, f"say here what {rule} may be asked with"
        for asked in {method, "HEAD"} if method == "GET" else {method}:
            reply = app.test_client(use_cookies=False).open(path, method=asked, headers=headers)
            assert refuses(reply, path), (asked, path, reply.status)


def test_the_list_of_public_routes_names_nothing_that_is_gone(app) -> None:
    assert routes(app) >= PUBLIC


def test_the_static_route_serves_files_of_its_folder_only(app) -> None:
    http = app.test_client()
    with http.get("/static/css/base.css") as reply:
        assert reply.status_code == 200
    for path in (
        "../wsgi.py",
        "..%2fwsgi.py",
        "%2e%2e/wsgi.py",
        "....//wsgi.py",
        "",
        "css",
        "%00",
        "/etc/passwd",
        "x" * 9000,
    ):
        assert http.get(f"/static/{path}").status_code in (308, 404), path


# --- paging and ids --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "most"), [("page", 1_000_000), ("per_page", 100)])
def test_paging_is_bounded(signed_in, name, most) -> None:
    """I08, I11"""
    refused = [f"{name}=1&{name}=1", f"page=1&per_page=1&{name}=2"]
    for value in ("-1", "0", most + 1, "1e9", 2**63, "9" * 5000, "", "x", "1.5", "NaN", "0x10", "%00", "%ff"):
        refused.append(f"{name}={value}")
    for query in refused:
        reply = signed_in.http.get(f"/api/products?{query}", headers=signed_in.bearer)
        assert (reply.status_code, reply.get_json()["code"]) == (400, "invalid_query"), query
        assert list(reply.get_json()["errors"]) == [name]
    last = signed_in.http.get(f"/api/products?{name}={most}", headers=signed_in.bearer)
    assert (last.status_code, last.get_json()[name], last.get_json()["items"]) == (200, most, [])


def test_what_is_no_session_id_is_not_found(signed_in) -> None:
    """I11"""
    for sid in ("1", "-1", 2**63, "me", "A" * 21, A_SID, "A" * 23, "%00" * 22, "%F0%9F%8C%B3", "..%2f..", "a" * 6000):
        reply = signed_in.http.delete(f"/api/sessions/{sid}", headers=signed_in.bearer)
        assert (reply.status_code, reply.get_json()["code"]) == (404, "not_found"), sid
    assert signed_in.me().status_code == 200


def test_what_is_no_passkeys_number_is_not_found_by_any_method(signed_in) -> None:
    """I11"""
    for number in (0, 1, 2**31 - 1, 2**31, 9_999_999_999, 2**63, "9" * 5000, "-1", "1.0", "me", "%00", "\u0661"):
        for method, body in (("PATCH", {"name": "Laptop"}), ("DELETE", None)):
            reply = signed_in.http.open(f"/api/passkeys/{number}", method=method, json=body, headers=signed_in.bearer)
            assert (reply.status_code, reply.get_json()["code"]) == (404, "not_found"), (method, number)


# --- without refresh tokens ------------------------------------------------------------------------------


def test_without_refresh_tokens_there_is_nothing_to_refresh_with(make_app, user_id) -> None:
    app = make_app(refresh_token_enabled=False)
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert app.test_client().open("/api/refresh", method=method).status_code == 404, method
    reply = app.test_client().post("/api/login", json={"email": people.EMAIL, "password": people.PASSWORD})
    assert set(reply.get_json()) == {"access_token", "token_type", "expires_in", "user"}
    assert reply.get_json()["expires_in"] == 86_400
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize("enabled", [True, False])
def test_silent_refresh_is_part_of_refreshing(make_app, user_id, enabled) -> None:
    session = people.sign_in(make_app(refresh_token_enabled=enabled).test_client())
    with time_machine.travel(utc_now() + timedelta(hours=23), tick=False):
        reply = session.me()
    assert (reply.status_code, "X-New-Token" in reply.headers) == (200, enabled)


def test_without_refresh_tokens_session_and_cookie_end_with_the_access_token(make_app, user_id) -> None:
    app = make_app(refresh_token_enabled=False, access_token_expire_minutes=240)
    start = utc_now().replace(microsecond=0)
    with time_machine.travel(start, tick=False) as clock:
        session = people.sign_in(app.test_client(), transport="cookie")
        cookie = session.http.get_cookie("refresh_token")
        assert cookie is not None
        assert cookie.max_age == 14_400
        with app.app_context():
            row = db.session.query(AuthSession).one()
            assert row.expires_at == row.refresh_expires_at == start + timedelta(hours=4)
        clock.shift(timedelta(hours=4) - timedelta(seconds=1))
        assert (session.me().status_code, session.http.get("/account").status_code) == (200, 200)
        clock.shift(timedelta(seconds=1))
        assert (session.me().status_code, session.http.get("/account").status_code) == (401, 303)


# --- which transports ------------------------------------------------------------------------------------


def sign_in(app: Flask, headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
    body = {"email": people.EMAIL, "password": people.PASSWORD, **fields}
    return app.test_client().post("/api/login", json=body, headers=headers)


@pytest.mark.parametrize(("allowed", "refused"), [("cookie", "body"), ("body", "cookie")])
def test_a_transport_that_the_server_does_not_allow_cannot_be_chosen(make_app, user_id, allowed, refused) -> None:
    app = make_app(refresh_token_transports=allowed)
    reply = sign_in(app, transport=refused)
    assert (reply.status_code, list(reply.get_json()["errors"])) == (422, ["transport"])
    assert "Set-Cookie" not in reply.headers
    for fields in ({}, {"transport": allowed}):
        for headers in ({}, {"Sec-Fetch-Site": "same-origin"}):
            reply = sign_in(app, headers, **fields)
            assert ("Set-Cookie" in reply.headers, "refresh_token" in reply.get_json()) == (
                allowed == "cookie",
                allowed == "body",
            )


@pytest.mark.parametrize(
    ("site", "asked", "expected"),
    [
        ("same-origin", {}, "cookie"),
        ("none", {}, "body"),
        (None, {}, "body"),
        ("Same-Origin", {}, "body"),
        ("same-origin", {"transport": "body"}, "body"),
        (None, {"transport": "cookie"}, "cookie"),
    ],
)
def test_a_page_of_ours_gets_a_cookie_and_everyone_else_a_body(app, user_id, site, asked, expected) -> None:
    reply = sign_in(app, {"Sec-Fetch-Site": site} if site else {}, **asked)
    assert reply.status_code == 200
    assert ("Set-Cookie" in reply.headers, "refresh_token" in reply.get_json()) == (
        expected == "cookie",
        expected == "body",
    )
