"""The API's description: whole, valid, and with examples that run; and the page that shows it."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support import description, people
from tests.support.http_examples import LAST, REFUSED, SERVICE
from webapp import demo, errors
from webapp.clock import utc_now
from webapp.database import db
from webapp.web.openapi.operations import OPERATIONS
from webapp.web.problems import PROGRAM_PATHS

METHODS = {"get", "post", "patch", "delete"}
ABOUT_ITSELF = {"GET /api/openapi.json", "GET /api/docs"}


def document_of(http: FlaskClient) -> dict[str, Any]:
    reply = http.get("/api/openapi.json")
    assert (reply.status_code, reply.content_type) == (200, "application/json")
    return dict(reply.get_json())


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (method, path, operation) of each."""
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


# --- whole and valid -------------------------------------------------------------------------------------


@pytest.mark.parametrize("enabled", [True, False])
def test_the_document_is_valid_and_has_every_address_for_programs(make_app, enabled) -> None:
    app = make_app(refresh_token_enabled=enabled)
    document = document_of(app.test_client())
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()
    routes = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(PROGRAM_PATHS)
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}
    } - ABOUT_ITSELF
    described = {f"{method.upper()} {path}" for method, path, _ in operations(document)}
    assert described == {description.path_of(route) for route in routes}
    assert ("POST /api/refresh" in described) is enabled


def test_the_table_names_no_address_that_is_gone_and_no_call_twice(http) -> None:
    described = operations(document_of(http))
    assert len({operation["operationId"] for _, _, operation in described}) == len(described) == len(OPERATIONS)


def test_every_refusal_that_a_program_can_meet_is_described(http) -> None:
    def codes(error: type[errors.AppError]) -> set[str]:
        return {error.code}.union(*(codes(below) for below in error.__subclasses__()))

    examples = document_of(http)["components"]["examples"]
    abstract = {"error", "bad_request", "unauthorized"}
    pages_only = {"not_administrator"}
    form_only = {"unsupported_grant_type", "invalid_client"}  # OAuth's own shape, without a code
    inside = {"invalid_address"}  # becomes a field's error

    assert set(examples) == codes(errors.AppError) - abstract - pages_only - form_only - inside


def test_calls_that_need_a_token_say_so_and_can_be_refused_for_it(http) -> None:
    for method, path, operation in operations(document_of(http)):
        reply = http.open(path.replace("{sid}", "A" * 22).replace("{passkey_id}", "1"), method=method.upper())
        is_closed = operation["security"] == [{"accessToken": []}]
        assert (reply.status_code == 401 and reply.get_json().get("code") == "missing_token") == (
            is_closed or operation["operationId"] == "refresh"
        ), path
        assert ("401" in operation["responses"]) or not is_closed


# --- examples --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [{"app_env": "development"}, {"app_env": "production"}, {"refresh_token_transports": "cookie"}],
    ids=lambda settings: next(iter(settings.values())),
)
def test_each_example_fits_its_schema(make_app, settings) -> None:
    app = make_app(public_url="https://localhost", mail_url="", **settings)
    document = document_of(app.test_client())
    compared = 0
    for _, _, operation in operations(document):
        for part in (operation.get("requestBody", {}), *operation["responses"].values()):
            for content in part.get("content", {}).values():
                schema = {**content["schema"], "components": document["components"]}
                named = content.get("examples", {})
                values = [document["components"]["examples"][name]["value"] for name in named]
                for value in values or [content["example"]]:
                    jsonschema_rs.Draft202012Validator(schema).validate(value)
                    compared += 1
    assert compared > 200


def test_the_examples_of_refusals_say_what_the_server_says(http, signed_in) -> None:
    examples = document_of(http)["components"]["examples"]
    for reply in (
        http.post("/api/login", json={}),
        http.get("/api/products?page=0", headers=signed_in.bearer),
        http.post("/api/email/verify", json={"token": "x"}),
        http.post("/api/login", json={"email": "x" * 70_000}),
        http.get("/api/me"),
    ):
        example, told = examples[reply.json["code"]]["value"], reply.json
        assert [example[part] for part in ("title", "detail", "status")] == [
            told[part] for part in ("title", "detail", "status")
        ]


def test_no_password_of_the_demo_users_is_in_the_document_in_production(make_app) -> None:
    text = json.dumps(document_of(make_app(app_env="production", public_url="https://localhost").test_client()))
    assert not any(user["password"] in text or user["email"] in text for user in demo.USERS)


def test_the_examples_run_as_they_are(make_app) -> None:
    """In development: each call is sent with its example, and answered as the document has it."""
    app = make_app(introspection_clients=":".join(SERVICE))
    document = document_of(app.test_client())
    called = {operation["operationId"]: (method, path, operation) for method, path, operation in operations(document)}
    assert len(called) == len(OPERATIONS)
    for name in (*(name for name in called if name not in LAST), *LAST):
        reply = run_example(app, *called[name])
        status, code = REFUSED.get(name, (reply.status_code, None))
        assert reply.status_code == status, (name, reply.text)
        assert reply.status_code < 300 if code is None else reply.get_json()["code"] == code, (name, reply.text)


def run_example(app: Flask, method: str, path: str, operation: dict[str, Any]):
    """Sign the demo user in by the first example, and send the call with its own."""
    with app.app_context():
        demo.load(db.session, now=utc_now())
    http = app.test_client()
    headers = people.sign_in(http).bearer if operation["security"] == [{"accessToken": []}] else {}
    content = operation.get("requestBody", {}).get("content", {})
    address = path.replace("{sid}", "q3hZ0v8kSxWmUe2rTn5yLA").replace("{passkey_id}", "7")
    if operation["security"] == [{"serviceSecret": []}]:
        return http.post(address, auth=SERVICE, data=content["application/x-www-form-urlencoded"]["example"])
    return http.open(
        address, method=method.upper(), headers=headers, json=content.get("application/json", {}).get("example")
    )


# --- the page --------------------------------------------------------------------------------------------


def test_the_page_loads_scripts_of_our_own_origin_only(http) -> None:
    reply = http.get("/api/docs")
    assert (reply.status_code, reply.mimetype) == (200, "text/html")
    assert "script-src 'self';" in reply.headers["Content-Security-Policy"]
    sources = re.findall(r'(?:src|href)="([^"]+)"', reply.text)
    assert sources
    assert all(source.startswith(("/", "#")) and not source.startswith("//") for source in sources)
    assert not re.search(r"<script(?![^>]*\ssrc=)", reply.text)


def test_swagger_ui_is_served_and_nothing_else_of_its_package(http) -> None:
    [folder] = set(re.findall(r'"(/static/v-[^/]+/swagger-ui)/', http.get("/api/docs").text))
    for name, kind in (("swagger-ui-bundle.js", "javascript"), ("swagger-ui.css", "css")):
        with http.get(f"{folder}/{name}") as reply:
            assert (reply.status_code, kind in reply.content_type) == (200, True)
            assert len(reply.data) > 100_000
            assert "no-store" not in reply.headers["Cache-Control"]
        with http.get(f"{folder}/{name}", headers={"If-None-Match": reply.headers["ETag"]}) as again:
            assert again.status_code == 304
    for name in ("swagger-ui.js", "index.html", "../flask_swagger_ui.py", "..%2f__init__.py", ""):
        assert http.get(f"{folder}/{name}").status_code in (308, 404), name
