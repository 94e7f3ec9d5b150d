"""Devices that are signed out from another one: who may end which session, and what becomes of it."""

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support import forge, people
from tests.support.sessions import listed, reasons, sid
from tests.support.steps import DAY, MINUTE, assert_refused, bearer, refresh

pytestmark = pytest.mark.usefixtures("clock")


def test_a_device_that_was_ended_is_out_at_once_and_leaves_the_list(
    app: Flask, signed_in: people.SignedIn, second_device: people.SignedIn
) -> None:
    """V08, V01."""
    path = f"/api/sessions/{sid(second_device)}"
    assert signed_in.http.delete(path, headers=signed_in.bearer).status_code == 204
    assert_refused(second_device.me(), "session_ended")
    assert refresh(second_device.http, second_device.refresh).status_code == 401
    assert listed(signed_in) == [sid(signed_in)]
    assert signed_in.http.delete(path, headers=signed_in.bearer).status_code == 404
    assert reasons(app) == {sid(second_device): "ended_by_user", sid(signed_in): None}


def test_a_foreign_session_is_answered_like_one_that_never_was(
    app: Flask, signed_in: people.SignedIn, stranger: people.SignedIn
) -> None:
    """Z03, V08: the same status and body; and it lives on."""
    answers = []
    for other in (sid(stranger), "A" * 22):
        reply = signed_in.http.delete(f"/api/sessions/{other}", headers=signed_in.bearer)
        answers.append((reply.status_code, {**reply.json, "request_id": ""}, reply.headers["Cache-Control"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert stranger.me().status_code == 200
    assert set(reasons(app).values()) == {None}


@pytest.mark.parametrize("name", ["1", "me", "-1", str(2**63), "A" * 21, "A" * 23, "A" * 21 + "%00", "..%2fme", "é"])
def test_what_is_no_id_is_not_found(signed_in: people.SignedIn, name: str) -> None:
    """Z03: no database ever sees it."""
    reply = signed_in.http.delete(f"/api/sessions/{name}", headers=signed_in.bearer)
    assert (reply.status_code, reply.json["code"]) == (404, "not_found")


def test_ending_all_others_keeps_this_one_and_everybody_elses(
    signed_in: people.SignedIn, second_device: people.SignedIn, stranger: people.SignedIn
) -> None:
    """V08."""
    assert second_device.http.delete("/api/sessions", headers=second_device.bearer).status_code == 204
    assert [client.me().status_code for client in (second_device, signed_in, stranger)] == [200, 401, 200]
    assert listed(second_device) == [sid(second_device)]


@pytest.mark.parametrize("transport", ["cookie", "body"])
def test_ending_ones_own_session_signs_out_and_clears_the_cookie_if_there_is_one(
    http: FlaskClient, user_id: int, transport: str
) -> None:
    """V08, V09."""
    client = people.sign_in(http, transport=transport)
    reply = http.delete(f"/api/sessions/{sid(client)}", headers=client.bearer)
    assert reply.status_code == 204
    assert ("Max-Age=0" in reply.headers.get("Set-Cookie", "")) == (transport == "cookie")
    assert_refused(client.me(), "session_ended")


def test_a_device_whose_session_has_expired_is_not_there_to_be_ended(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """V08: nothing is written of it."""
    clock.shift(29 * DAY)
    young = people.sign_in(app.test_client())
    clock.shift(DAY + MINUTE)  # by the clock of every host
    now = bearer(refresh(young.http, young.refresh or "").json["access_token"])
    young.http.post("/api/me/reauthenticate", json={"password": people.PASSWORD}, headers=now)
    assert young.http.delete(f"/api/sessions/{sid(signed_in)}", headers=now).status_code == 404
    assert young.http.delete("/api/sessions", headers=now).status_code == 204
    assert set(reasons(app).values()) == {None}


def test_a_token_that_names_somebody_elses_session_opens_and_ends_nothing(
    app: Flask, signed_in: people.SignedIn, stranger: people.SignedIn
) -> None:
    """Z03, T20: session and user have to belong together."""
    mixed = [forge.forge(token or "", sub=forge.read(stranger.access)["sub"]) for token in
             (signed_in.access, signed_in.refresh)]  # fmt: skip
    assert_refused(signed_in.me(mixed[0]), "session_ended")
    assert_refused(refresh(signed_in.http, mixed[1]), "session_ended")
    for token in mixed:
        assert signed_in.http.post("/api/logout", headers=bearer(token)).status_code == 204
    assert set(reasons(app).values()) == {None}
