"""What a refusal looks like, whatever its status: problem+json for programs, a page for people (H09, H10)."""

import pytest

from tests.support import people
from tests.support.refusals import CANARY, assert_page, assert_problem, assert_says_nothing
from webapp.web.api import auth, me
from webapp.web.pages import home


@pytest.mark.parametrize(
    "path", [f"/api/{CANARY}", "/api/", "/api/me/", f"/api/sessions/{CANARY}", "/api/me/../x", "/.well-known/x"]
)
def test_an_unknown_address_of_the_api_is_a_problem(app, path) -> None:
    """H09"""
    for method in ("GET", "POST", "DELETE"):
        assert_problem(app.test_client().open(path, method=method), 404, "not_found")


def test_a_type_of_problem_has_one_title(signed_in) -> None:
    """RFC 9457 §3.1.3: it does not change from one occurrence to the next."""
    paths = ("/api/nothing", f"/api/sessions/{'A' * 22}", "/api/passkeys/1", "/.well-known/nothing")
    found = [signed_in.http.delete(path, headers=signed_in.bearer).json for path in paths]
    assert {(one["type"], one["title"]) for one in found} == {
        ("urn:problem-type:evergreen:not_found", "There is nothing here")
    }
    assert found[0]["detail"] == "There is nothing here."


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/login", {"POST", "OPTIONS"}),
        ("/api/refresh", {"POST", "OPTIONS"}),
        ("/api/me", {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}),
        ("/healthz", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_another_method_is_a_405_that_names_the_right_ones(app, path, allowed) -> None:
    """H10: and no header stands in for the method."""
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND"} - allowed:
        reply = app.test_client().open(path, method=method, headers={"X-HTTP-Method-Override": next(iter(allowed))})
        assert_problem(reply, 405, "method_not_allowed")
        assert set(reply.headers["Allow"].split(", ")) >= allowed


def test_a_body_too_large_or_of_another_type_or_shape_is_a_problem(app) -> None:
    """H09: 413, 415, 400 and 422."""
    http = app.test_client()
    assert_problem(http.post("/api/login", json={"email": CANARY * 9000}), 413, "request_entity_too_large")
    assert_problem(http.post("/api/refresh", data={"refresh_token": CANARY * 9000}), 413, "request_entity_too_large")
    assert_problem(http.post("/api/login", data={"email": CANARY}), 415, "unsupported_media_type")
    assert_problem(http.post("/api/login", json=[CANARY]), 400, "malformed_json")
    assert_problem(
        http.post("/api/login", json={"email": CANARY, "transport": CANARY, "code": 1}), 422, "invalid_fields"
    )
    assert_problem(http.get("/api/me", headers={"Host": f"{CANARY}.example"}), 400, "unknown_host")


def test_a_bug_is_a_500_that_tells_the_log_and_nobody_else(app, user_id, monkeypatch, caplog) -> None:
    """H09"""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"{CANARY} Traceback psycopg")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    session = people.sign_in(app.test_client())
    for target, name in ((auth.authentication, "authenticate"), (me.accounts, "rename"), (home, "render_template")):
        monkeypatch.setattr(target, name, fail)
    assert_problem(session.http.post("/api/login", json={"email": "a@b.c", "password": CANARY}), 500, "internal_error")
    reply = session.http.patch("/api/me", json={"first_name": CANARY}, headers=session.bearer)
    assert_problem(reply, 500, "internal_error")
    assert "X-New-Token" not in reply.headers
    assert reply.get_json()["request_id"] in caplog.text
    assert f"RuntimeError: {CANARY}" in caplog.text
    assert_page(session.http.get("/"), 500)


SIGN_IN_FORM = {"path": "/login", "method": "POST"}
PAGES = {
    "unknown": (404, {"path": f"/{CANARY}"}),
    "unknown below one": (404, {"path": f"/account/{CANARY}"}),
    "not the API": (404, {"path": "/apiary"}),
    "wrong method": (405, {"path": "/", "method": "POST"}),
    "form without CSRF token": (400, SIGN_IN_FORM | {"data": {"email": CANARY}}),
    "form too large": (413, SIGN_IN_FORM | {"data": {"email": CANARY * 9000}}),
}


@pytest.mark.parametrize(("status", "request_for"), PAGES.values(), ids=PAGES)
def test_outside_the_api_a_refusal_is_a_page(app, status, request_for) -> None:
    """H09"""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    reply = app.test_client().open(**request_for)
    assert_page(reply, status)
    assert ("Allow" in reply.headers) == (status == 405)


@pytest.mark.parametrize("host", [f"{CANARY}.example", "localhost.evil.example", "a b", "localhost:x"])
def test_by_another_host_no_page_is_served(app, host) -> None:
    """P03: whoever points a name of theirs at this server gets a 400, not a page with links, and not a 500."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for path in ("/login", f"/{CANARY}", "/account"):
        reply = app.test_client().get(path, headers={"Host": host})
        assert (reply.status_code, reply.mimetype) == (400, "text/plain")
        assert_says_nothing(reply)
