"""A refresh token is taken one way, which is its own: T15, R18, C01, I08, RFC 6749."""

import time
from typing import Any

import pytest

from tests.support import people
from tests.support.doors import ask, assert_401b, bearer, by_cookie, in_json, rows
from tests.support.forge import forge


def in_form(token: str) -> dict[str, Any]:
    data = {"grant_type": "refresh_token", "refresh_token": token}
    return {"path": "/api/refresh", "method": "POST", "data": data}


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


WAYS = {"JSON": in_json, "form": in_form, "cookie": by_cookie}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_expired", [False, True], ids=["live", "expired"])
def test_an_access_token_beside_its_sessions_refresh_token_is_ignored(
    app, signed_in, by_cookie_session, way, is_expired
) -> None:
    """Many clients put theirs on every call, and take a 401 of this one for the end of the session."""
    session = by_cookie_session if way == "cookie" else signed_in
    now = int(time.time())
    access = forge(session.access, iat=now - 7200, nbf=now - 7200, exp=now - 60) if is_expired else session.access
    reply = ask(app, both(bearer("/api/refresh")(access), WAYS[way](session.refresh)))
    assert reply.status_code == 200, reply.text
    # The refresh token that counts is the other one: it travels its own way, and rotates.
    assert ("refresh_token" in reply.get_json()) is (way != "cookie")
    assert ("Set-Cookie" in reply.headers) is (way == "cookie")


@pytest.mark.parametrize("way", WAYS)
def test_an_access_token_beside_another_sessions_refresh_token_is_refused(
    app, signed_in, by_cookie_session, way
) -> None:
    other = people.sign_in(app.test_client())
    before = rows(app)
    refresh = (by_cookie_session if way == "cookie" else signed_in).refresh
    reply = ask(app, both(bearer("/api/refresh")(other.access), WAYS[way](refresh)))
    assert reply.status_code == 400
    assert reply.get_json().get("code", reply.get_json().get("error")) in ("ambiguous_credentials", "invalid_request")
    assert "Set-Cookie" not in reply.headers
    assert rows(app) == before


def test_what_is_neither_kind_of_token_of_ours_is_refused_beside_a_good_one(app, signed_in, by_cookie_session) -> None:
    foreign = forge(signed_in.access, key="k" * 32)
    for good in (in_json(signed_in.refresh), by_cookie(by_cookie_session.refresh)):
        assert_401b(ask(app, both(bearer("/api/refresh")(foreign), good)))


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
    said = reply.get_json()
    assert said.get("error", "invalid_grant") == "invalid_grant"
    why = said.get("error_description") or said["detail"]
    assert why == "A refresh token travels the way that was chosen at sign-in."
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


@pytest.mark.parametrize("proof", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://a.b"}])
def test_an_access_token_beside_a_cookie_is_no_proof_of_where_it_came_from(app, by_cookie_session, proof) -> None:
    """C01"""
    before = rows(app)
    headers = {"Cookie": f"refresh_token={by_cookie_session.refresh}", **proof}
    reply = ask(app, both(bearer("/api/refresh")(by_cookie_session.access), {"headers": headers}))
    assert (reply.status_code, reply.get_json()["code"]) == (403, "cross_origin")
    assert "Set-Cookie" not in reply.headers
    assert rows(app) == before
