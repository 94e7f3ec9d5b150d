"""Odd values in every field, path and header of the account's routes are answered, on both engines (I03, I05, I07)."""

import json
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.steps import csrf_token, sign_in_by_form
from webapp.database import db
from webapp.models import User

ODD: tuple[Any, ...] = (
    "", " ", "\0", "a\0b", "\ud800", "\U0001f332" * 20, "e\u0301@b.example", "a@b\r\nBcc: c@d.example", "a@b,c@d.e",
    "\u202eevil", "{{7*7}}", "${7*7}", "' OR 1=1 --", "<script>alert(1)</script>", "../../etc/passwd", "%00", "x" * 300,
    "x" * 9000, "a@" + "b" * 300, "quac\u212a@test.com", "\u0660\u0661\u0662\u0663\u0664\u0665", "123456", "-1",
    None, True, 0, 1e308, 2**63, [], {}, ["a"], {"$ne": 1},
)  # fmt: skip

JSON_ROUTES: dict[str, tuple[str, dict[str, Any]]] = {
    # route: method, and a body that has its shape
    "/api/register": ("POST", {"email": "n@test.com", "password": "a long phrase", "first_name": "", "last_name": ""}),
    "/api/login": ("POST", {"email": people.EMAIL, "password": "wrong", "code": "123456", "transport": "body"}),
    "/api/email/verify": ("POST", {"token": "x"}),
    "/api/password/forgot": ("POST", {"email": people.EMAIL}),
    "/api/password/reset": ("POST", {"token": "x", "password": "a long passphrase"}),
    "/api/me": ("DELETE", {"password": "wrong"}),
    "/api/me/password": ("POST", {"current_password": "wrong", "new_password": "a long passphrase"}),
    "/api/me/email": ("POST", {"email": "new@test.com", "password": "wrong"}),
    "/api/me/reauthenticate": ("POST", {"password": "wrong"}),
    "/api/me/totp/confirm": ("POST", {"code": "123456"}),
    "/api/me/totp": ("DELETE", {"password": "wrong"}),
    "/api/passkeys": ("POST", {"name": "x", "credential": {"id": "x", "response": {"clientDataJSON": "e30"}}}),
    "/api/passkeys/1": ("PATCH", {"name": "x"}),
    "/api/login/passkey": ("POST", {"credential": {"id": "x", "response": {"clientDataJSON": "e30"}}}),
}  # fmt: skip
FORMS: dict[str, tuple[str, ...]] = {
    "/register": ("email", "password", "first_name", "last_name"),
    "/forgot": ("email",),
    "/password-strength": ("password", "own"),
    "/account": ("first_name", "last_name"),
    "/account/security/password": ("current_password", "new_password"),
    "/account/security/email": ("email", "password"),
    "/account/confirm": ("password", "next"),
    "/account/delete": ("password",),
    "/account/security/totp": ("code",),
    "/account/security/totp/remove": ("password",),
    "/account/security/passkeys/1/rename": ("name",),
}
PATHS = ("/verify/", "/reset/", "/not-me/", "/undo/", "/dev/mail/", "/account/security/passkeys/", "/api/passkeys/")


@pytest.fixture
def client(app: Flask, user_id: int) -> FlaskClient:
    """A browser in which John Doe is signed in."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    http = app.test_client()
    assert sign_in_by_form(http).status_code == 303
    return http


@pytest.mark.parametrize("route", JSON_ROUTES)
def test_odd_values_in_json_are_answered(app: Flask, client: FlaskClient, user_id: int, route: str) -> None:
    """I03, I05, I07: and nothing that was sent has become a value of the account."""
    method, body = JSON_ROUTES[route]
    bearer = people.sign_in(app.test_client()).bearer
    http = app.test_client(use_cookies=False)
    for field in body:
        for value in ODD:
            reply = http.open(route, method=method, json={**body, field: value}, headers=bearer)
            assert reply.status_code < 500, (field, value, reply.text)
            if reply.status_code >= 400:
                assert reply.content_type == "application/problem+json", (field, value)
        reply = http.open(route, method=method, json={**body, "unknown": 1}, headers=bearer)
        assert (reply.status_code, list(reply.get_json()["errors"])) == (422, ["unknown"])
        fewer = {name: value for name, value in body.items() if name != field}
        assert http.open(route, method=method, json=fewer, headers=bearer).status_code < 500
    with app.app_context():
        user = db.session.get_one(User, user_id)
        assert (user.email, user.first_name, user.is_admin, user.is_active) == (people.EMAIL, "John", False, True)


@pytest.mark.parametrize("response", [{}, [], "x", None, {"clientDataJSON": None}, {"clientDataJSON": "é"},
                                      {"clientDataJSON": "bnVsbA"}, {"clientDataJSON": "W10"},
                                      {"clientDataJSON": "eyJjaGFsbGVuZ2UiOjEsIm9yaWdpbiI6Mn0"},
                                      {"clientDataJSON": "W1tb" * 1000}], ids=lambda it: str(it)[:60])  # fmt: skip
def test_what_is_no_credential_is_refused(app: Flask, client: FlaskClient, response: Any) -> None:
    """I03: the library is not asked what it makes of it."""
    bearer = people.sign_in(app.test_client()).bearer
    http = app.test_client(use_cookies=False)
    for credential in ({"response": response}, {"id": response, "response": response}, {"id": "x", "rawId": 1}):
        reply = http.post("/api/login/passkey", json={"credential": credential})
        assert (reply.status_code, reply.get_json()["code"]) == (401, "invalid_passkey")
        reply = http.post("/api/passkeys", json={"credential": credential, "name": "x"}, headers=bearer)
        assert (reply.status_code, list(reply.get_json()["errors"])) == (422, ["credential"])


@pytest.mark.parametrize("route", FORMS)
def test_odd_values_in_forms_are_answered(client: FlaskClient, route: str) -> None:
    """I05."""
    token = csrf_token(client.get("/account"))
    for field in FORMS[route]:
        for value in ODD:
            text = value if isinstance(value, str) else json.dumps(value)
            data = {name: "x" for name in FORMS[route]} | {field: text.encode(errors="surrogatepass")}
            reply = client.post(route, data=data | {"csrf_token": token})
            assert reply.status_code < 500, (field, value, reply.status)
            assert "<script>alert" not in reply.text


@pytest.mark.parametrize("route", FORMS)
def test_json_and_files_fill_in_no_field_of_a_form(app: Flask, client: FlaskClient, route: str) -> None:
    """I05: they hold other types than the text that a field expects."""
    token = csrf_token(client.get("/account"))
    for body in ("5", "[1]", '"x"', "[" * 3000, *(json.dumps({name: value}) for name in FORMS[route] for value in ODD)):
        headers = {"X-CSRFToken": token}
        reply = client.post(route, data=body, content_type="application/json", headers=headers)
        assert reply.status_code < 500, (body, reply.status)
    for name in FORMS[route]:
        reply = client.post(route, data={"csrf_token": token, name: (BytesIO(b"x"), "x.txt")})
        assert reply.status_code < 500, (name, reply.status)
    assert [user.first_name for user in people.users(app)] == ["John"]


@pytest.mark.parametrize("name", ["email", "password"])
def test_a_sign_in_that_is_no_form_lacks_its_fields(visitor: FlaskClient, name: str) -> None:
    """I05."""
    visitor.application.config["PROPAGATE_EXCEPTIONS"] = False
    token, given = csrf_token(visitor.get("/login")), {"email": people.EMAIL, "password": people.PASSWORD}
    reply = visitor.post("/login", json={**given, name: 5}, headers={"X-CSRFToken": token})
    assert reply.status_code == 422
    assert visitor.post("/login", json=given, headers={"X-CSRFToken": token}).status_code == 422
    file = {name: (BytesIO(given[name].encode()), "x.txt")}
    assert visitor.post("/login", data={**given, **file, "csrf_token": token}).status_code == 422


@pytest.mark.parametrize("path", PATHS)
def test_odd_paths_are_answered(client: FlaskClient, path: str) -> None:
    """I05, P05."""
    for value in ODD:
        text = value if isinstance(value, str) else json.dumps(value)
        for method in ("GET", "POST", "DELETE"):
            reply = client.open(path + text.encode(errors="surrogatepass").decode("latin-1"), method=method)
            assert reply.status_code < 500, (method, value)


def test_odd_device_and_form_cookies_are_nobodys(app: Flask, client: FlaskClient) -> None:
    """A13: what we have not signed says nothing."""
    for value in ("", "x", "a.b", "é", "eyJuIjoxfQ.x", "." * 300, '"', "null"):
        http = app.test_client()
        http.set_cookie("known_device", value)
        http.set_cookie("session", value)
        assert sign_in_by_form(http).status_code in (303, 400)
