"""Every address: closed unless this file says it is open (Z01)."""

import pytest
from flask import Flask
from werkzeug.test import TestResponse

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
    "POST /api/introspect",  # asks for a service's secret
    "GET /.well-known/jwks.json",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",  # open to this machine and to the bearer of METRICS_TOKEN
}
# Style, scripts and pictures: no one's secret.
STATIC = {"static", "static_files.kept"}
A_SID = "A" * 22


def routes(app: Flask) -> set[str]:
    """Every method and path of the application but for OPTIONS and HEAD, which follow from GET, and static files."""
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in STATIC
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
        for folder in ("/static", "/static/v-any", "/static/v-any/swagger-ui"):
            assert http.get(f"{folder}/{path}").status_code in (308, 404), (folder, path)
