"""Signing out: with each kind of token, of whatever age, and what is dead after it."""

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.sessions import reasons
from tests.support.steps import DAY, HOUR, SAME_ORIGIN, assert_refused, bearer, events, me, refresh, successor

pytestmark = pytest.mark.usefixtures("clock")


def test_signing_out_ends_every_token_of_the_session_older_and_newer(
    signed_in: people.SignedIn, second_device: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """V01: the one presented, those of refreshes, the silent renewal, the refresh tokens; no other session."""
    reply = refresh(signed_in.http, signed_in.refresh)
    clock.shift(23 * HOUR)
    renewed = signed_in.me().headers["X-New-Token"]
    tokens = [signed_in.access, reply.json["access_token"], renewed]
    assert [me(signed_in.http, token) for token in tokens] == [200, 200, 200]
    assert signed_in.http.post("/api/logout", headers=signed_in.bearer).status_code == 204
    for token in tokens:
        assert_refused(signed_in.me(token), "session_ended")
    for token in (signed_in.refresh, successor(reply)):
        assert refresh(signed_in.http, token).status_code == 401
    assert second_device.me().status_code == 200


def test_signing_out_takes_each_kind_of_token(app: Flask, user_id: int) -> None:
    """V01, V02."""
    for how in ("access", "refresh as bearer", "refresh in body", "cookie"):
        client = people.sign_in(app.test_client(), transport="cookie" if how == "cookie" else "body")
        request = {
            "access": {"headers": client.bearer},
            "refresh as bearer": {"headers": bearer(client.refresh or "")},
            "refresh in body": {"json": {"refresh_token": client.refresh}},
            "cookie": {"headers": SAME_ORIGIN},
        }[how]
        reply = client.http.post("/api/logout", **request)
        assert (how, reply.status_code, reply.text) == (how, 204, "")
        assert client.me().status_code == 401
        assert ("Max-Age=0" in reply.headers.get("Set-Cookie", "")) == (how == "cookie")
    assert set(reasons(app).values()) == {"signed_out"}


@pytest.mark.parametrize("age", [DAY + 11, 31 * DAY])
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_signing_out_works_with_a_token_that_has_expired(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller, age: int, kind: str
) -> None:
    """V02."""
    clock.shift(age)
    assert signed_in.me().status_code == 401
    token = signed_in.access if kind == "access" else signed_in.refresh or ""
    assert signed_in.http.post("/api/logout", headers=bearer(token)).status_code == 204
    # The first answer has said that a session of 31 days is over, and it was written down.
    assert list(reasons(app).values()) == ["signed_out" if age < 30 * DAY else "expired"]
    assert refresh(signed_in.http, signed_in.refresh).status_code == 401


def test_signing_out_again_is_no_error_and_changes_nothing(app: Flask, signed_in: people.SignedIn) -> None:
    """V02: idempotent, and written down once."""
    for _ in range(3):
        assert signed_in.http.post("/api/logout", headers=signed_in.bearer).status_code == 204
        assert signed_in.http.post("/api/logout", json={"refresh_token": signed_in.refresh}).status_code == 204
    assert signed_in.http.post("/api/logout").status_code == 204
    assert len(events(app, "session_revoked")) == 1


@pytest.mark.parametrize("garbage", ["x", "a.b.c", "é", "%00", "x" * 5000])
def test_a_cookie_that_is_garbage_does_not_prevent_signing_out_and_is_cleared(
    app: Flask, signed_in: people.SignedIn, garbage: str
) -> None:
    """V02: with a token of some other kind beside it, or alone."""
    http, cookie = app.test_client(use_cookies=False), {"Cookie": f"refresh_token={garbage}"}
    reply = http.post("/api/logout", headers={**cookie, **SAME_ORIGIN})
    assert (reply.status_code, "Max-Age=0" in reply.headers["Set-Cookie"]) == (204, True)
    assert signed_in.me().status_code == 200
    reply = http.post("/api/logout", headers={**cookie, **signed_in.bearer})
    assert (reply.status_code, "Max-Age=0" in reply.headers["Set-Cookie"]) == (204, True)
    assert signed_in.me().status_code == 401


def test_signing_out_with_an_access_token_and_a_cookie_ends_what_both_stand_for(app: Flask, user_id: int) -> None:
    """V01: a browser that holds both is signed out, whichever the session."""
    http = app.test_client()
    in_page, in_app = people.sign_in(http, transport="cookie"), people.sign_in(app.test_client())
    assert http.post("/api/logout", headers={**in_app.bearer, **SAME_ORIGIN}).status_code == 204
    assert (in_page.me().status_code, in_app.me().status_code) == (401, 401)


def test_signing_out_by_the_access_token_alone_ends_its_session_whoever_has_the_cookie(
    app: Flask, user_id: int, clock: time_machine.Traveller
) -> None:
    """V02: a page says so that could not be heard before; a cookie of the ended session is refused and cleared."""
    left = people.sign_in(app.test_client(), transport="cookie")
    newer = people.sign_in(app.test_client(), transport="cookie")
    clock.shift(DAY + 11)
    assert app.test_client().post("/api/logout", headers=left.bearer).status_code == 204
    replies = [client.http.post("/api/refresh", headers=SAME_ORIGIN) for client in (left, newer)]
    assert [reply.status_code for reply in replies] == [401, 200]
    assert "Max-Age=0" in replies[0].headers["Set-Cookie"]
    assert list(reasons(app).values()) == ["signed_out", None]


FORGED = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30." + "A" * 43


@pytest.mark.parametrize("request_", [{"headers": bearer(FORGED)}, {"json": {"refresh_token": "x"}}])
def test_signing_out_with_a_token_that_is_none_of_ours_is_refused(
    app: Flask, signed_in: people.SignedIn, request_: dict[str, dict[str, str]]
) -> None:
    assert_refused(signed_in.http.post("/api/logout", **request_), "invalid_token")
    assert list(reasons(app).values()) == [None]
