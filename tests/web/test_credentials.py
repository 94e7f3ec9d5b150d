"""Each door takes its own credential, sent one way, once: T02, T05, T06, T15 to T18, T20, R18, RFC 6749."""

import select
import socket
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.doors import DOORS, ask, assert_401b, bearer, by_cookie, in_json, rows
from tests.support.forge import forge
from webapp.database import db
from webapp.models import User

REFRESHING = {name: request_with for name, (_, request_with) in DOORS.items() if name.startswith("refresh")}


@pytest.fixture
def bare(app: Flask) -> FlaskClient:
    """A client that keeps no cookies: each request carries what the test says and nothing else."""
    return app.test_client(use_cookies=False)


@pytest.fixture
def by_cookie_session(app: Flask, user_id: int) -> people.SignedIn:
    return people.sign_in(app.test_client(), transport="cookie")


def in_form(token: str) -> dict[str, Any]:
    data = {"grant_type": "refresh_token", "refresh_token": token}
    return {"path": "/api/refresh", "method": "POST", "data": data}


# --- the Authorization header ----------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEARER", "Bearer "])
def test_the_scheme_may_be_written_in_any_case(bare, signed_in, scheme) -> None:
    """T18"""
    assert bare.get("/api/me", headers={"Authorization": f"{scheme} {signed_in.access}"}).status_code == 200


@pytest.mark.parametrize(
    "value", [None, "", "Basic dGVzdDp0ZXN0", "Basic Bearer {}", "Token {}", "{}", "Bearer{}", "Bearer\t{}"]
)
def test_without_a_bearer_token_the_challenge_names_no_error(bare, signed_in, value) -> None:
    """T18"""
    headers = {} if value is None else {"Authorization": value.format(signed_in.access)}
    reply = bare.get("/api/me", headers=headers)
    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert (reply.get_json()["code"], reply.headers["Cache-Control"]) == ("missing_token", "no-store")


@pytest.mark.parametrize(
    "values",
    [
        ["Bearer {0}", "Bearer {0}"],
        ["Bearer {0}", "Basic dGVzdDp0ZXN0"],
        ["Basic dGVzdDp0ZXN0", "Bearer {0}"],
        ["Bearer x", "Bearer {0}"],
        ["Bearer {0},Bearer {0}"],
        ["Bearer {0}, {0}"],
        ["Basic y,Bearer {0}"],
        ["Bearer {0} {0}"],
        ["Bearer Bearer {0}"],
        ["Bearer"],
        ["Bearer "],
    ],
)
def test_exactly_one_credential_is_taken(app, bare, signed_in, values) -> None:
    """T15"""
    before = rows(app)
    for route, token in (
        ("GET /api/me", signed_in.access),
        ("POST /api/refresh", signed_in.refresh),
        ("POST /api/logout", signed_in.access),
    ):
        method, path = route.split()
        reply = bare.open(path, method=method, headers=[("Authorization", value.format(token)) for value in values])
        # To sign out with no Bearer token at all is no error, and ends nothing.
        assert reply.status_code in ((204, 400, 401) if path == "/api/logout" else (400, 401))
        assert rows(app) == before


@pytest.mark.parametrize(
    "sent",
    [
        *({"query_string": {name: "{}"}} for name in ("access_token", "jwt", "token", "Authorization", "bearer")),
        *({"headers": {"Cookie": name + "={}"}} for name in ("access_token", "access_token_cookie", "jwt", "session")),
        *({"headers": {name: "Bearer {}"}} for name in ("X-Authorization", "X-Access-Token", "Proxy-Authorization")),
        {"data": {"access_token": "{}"}},
        {"json": {"access_token": "{}", "token": "{}"}},
    ],
    ids=str,
)
def test_an_access_token_elsewhere_than_in_its_header_is_not_seen(bare, signed_in, caplog, sent) -> None:
    """T16: and the log does not show it either."""
    caplog.clear()
    filled = {
        how: {name: text.format(signed_in.access) for name, text in values.items()} for how, values in sent.items()
    }
    reply = bare.get("/api/me", **filled)
    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "/api/me" in caplog.text
    assert signed_in.access not in caplog.text


@pytest.mark.parametrize(
    "route", ["GET /api/me", "PATCH /api/me", "GET /api/sessions", "DELETE /api/sessions", "GET /api/products"]
)
def test_the_refresh_cookie_opens_no_api(app, bare, by_cookie_session, route) -> None:
    """T17"""
    before = rows(app)
    method, path = route.split()
    headers = {"Cookie": f"refresh_token={by_cookie_session.refresh}", "Sec-Fetch-Site": "same-origin"}
    reply = bare.open(path, method=method, headers=headers)
    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert rows(app) == before


# --- kinds, owners, issuers ------------------------------------------------------------------------------


@pytest.mark.parametrize("request_with", REFRESHING.values(), ids=REFRESHING)
def test_a_refresh_token_opens_no_api_and_an_access_token_refreshes_nothing(
    bare, signed_in, by_cookie_session, request_with
) -> None:
    """T05"""
    for session in (signed_in, by_cookie_session):
        assert_401b(bare.get("/api/me", headers={"Authorization": f"Bearer {session.refresh}"}))
        assert_401b(bare.open(**request_with(session.access)))


@pytest.mark.parametrize("public_url", ["http://other.example", "http://localhost:8001", "http://localhost:80"])
def test_tokens_of_another_installation_with_the_same_key_are_refused(make_app, bare, user_id, public_url) -> None:
    """T06"""
    theirs = people.sign_in(make_app(public_url=public_url).test_client())
    assert_401b(ask(bare.application, bearer("/api/me", "GET")(theirs.access)))
    assert_401b(ask(bare.application, bearer("/api/refresh")(theirs.refresh)))


@pytest.mark.parametrize("field", ["jku", "x5u", "jwk"])
def test_no_address_in_a_header_is_called(bare, signed_in, field) -> None:
    """T02"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/jwks.json"
        for key in ("k" * 32, None):
            signed = forge(signed_in.access, header={field: url}, **({"key": key} if key else {}))
            assert_401b(signed_in.me(signed))
        assert select.select([listener], [], [], 0)[0] == []


def test_a_deleted_users_tokens_do_not_open_the_next_account_of_that_address(app, http, user_id, signed_in) -> None:
    """T20"""
    with app.app_context():
        db.session.delete(db.session.get_one(User, user_id))
        db.session.commit()
    for _ in range(2):
        assert_401b(signed_in.me())
        for request_with in (in_json, bearer("/api/refresh")):
            assert_401b(ask(app, request_with(signed_in.refresh)))
        if _ == 0:
            assert people.create_user(app) != user_id
    assert people.sign_in(http).me().status_code == 200


def test_a_token_speaks_for_the_user_of_its_session_only(app, signed_in) -> None:
    """T20: even rightly signed, `sub` and `sid` have to belong together."""
    other = people.create_user(app, "other@test.com")
    for sub in (str(other), "999999999999999999"):
        assert_401b(signed_in.me(forge(signed_in.access, sub=sub)))
        assert_401b(ask(app, in_json(forge(signed_in.refresh, sub=sub))))
    assert signed_in.me().status_code == 200


# --- two at once, or by the wrong way --------------------------------------------------------------------


def both(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    headers = {**first.get("headers", {}), **second.get("headers", {})}
    return {**first, **second, "headers": headers}


@pytest.mark.parametrize(
    "how", ["Bearer and cookie", "JSON and cookie", "form and cookie", "Bearer and JSON", "Bearer and form"]
)
def test_two_sessions_at_once_are_refused_and_nothing_changes(app, signed_in, by_cookie_session, how) -> None:
    """T15"""
    other = people.sign_in(app.test_client())
    ways = {"Bearer": bearer("/api/refresh"), "JSON": in_json, "form": in_form, "cookie": by_cookie}
    first, second = how.split(" and ")
    second_token = by_cookie_session.refresh if second == "cookie" else other.refresh
    before = rows(app)
    reply = ask(app, both(ways[first](signed_in.refresh), ways[second](second_token)))
    assert reply.status_code == 400
    assert reply.get_json().get("code", reply.get_json().get("error")) in ("ambiguous_credentials", "invalid_request")
    assert "Set-Cookie" not in reply.headers
    assert rows(app) == before


def test_of_two_cookies_of_one_name_the_first_counts_at_every_door(app, by_cookie_session) -> None:
    """I08"""
    for good, first, second in ((True, by_cookie_session.refresh, "x"), (False, "x", by_cookie_session.refresh)):
        request = by_cookie(f"{first}; refresh_token={second}")
        assert ask(app, request).status_code == (200 if good else 401)
        page = {"path": "/account", "method": "GET"}
        assert ask(app, request | page).status_code == (200 if good else 303)


@pytest.mark.parametrize("request_with", [bearer("/api/refresh"), in_json, in_form], ids=["Bearer", "JSON", "form"])
def test_a_cookies_token_is_refused_by_any_other_way(app, by_cookie_session, request_with) -> None:
    """R18: a script that got hold of the cookie's value cannot take the session with it."""
    before = rows(app)
    reply = ask(app, request_with(by_cookie_session.refresh))
    assert reply.status_code == (400 if "data" in request_with("") else 401)
    assert reply.get_json().get("error", "invalid_grant") == "invalid_grant"
    assert rows(app) == before
    reply = ask(app, by_cookie(by_cookie_session.refresh))
    assert reply.status_code == 200
    assert "refresh_token" not in reply.get_json()


def test_a_bodys_token_is_refused_as_a_cookie(app, signed_in) -> None:
    """R18"""
    before = rows(app)
    assert_401b(ask(app, by_cookie(signed_in.refresh)))
    assert ask(app, by_cookie(signed_in.refresh) | {"path": "/account", "method": "GET"}).status_code == 303
    assert rows(app) == before
    for request_with in (bearer("/api/refresh"), in_json, in_form):
        reply = ask(app, request_with(signed_in.refresh))
        assert reply.status_code == 200
        assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize("path", ["/api/refresh", "/api/logout"])
@pytest.mark.parametrize(
    "proof",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
        {"Origin": "http://a.b"},
    ],
)
def test_a_cookie_needs_proof_that_our_own_page_sent_it(app, by_cookie_session, path, proof) -> None:
    """R18, C01: nothing rotated, nothing ended, no cookie cleared."""
    before = rows(app)
    headers = {"Cookie": f"refresh_token={by_cookie_session.refresh}", **proof}
    reply = ask(app, {"path": path, "method": "POST", "headers": headers})
    assert (reply.status_code, reply.get_json()["code"]) == (403, "cross_origin")
    assert "Set-Cookie" not in reply.headers
    assert rows(app) == before
