"""The API's description says what the settings make of it."""

from typing import Any

import pytest
from flask import Flask


def document_of(app: Flask) -> dict[str, Any]:
    return dict(app.test_client().get("/api/openapi.json").get_json())


@pytest.mark.parametrize("transports", ["cookie", "body", "body,cookie"])
def test_what_the_settings_decide_is_described_as_they_have_it(make_app, transports) -> None:
    app = make_app(password_min_length=15, refresh_token_transports=transports)
    document = document_of(app)
    schemas = document["components"]["schemas"]
    for body, field in (
        ("RegisterBody", "password"),
        ("ResetBody", "password"),
        ("PasswordChangeBody", "new_password"),
    ):
        assert schemas[body]["properties"][field]["minLength"] == 15
    for body in ("LoginBody", "PasskeySignInBody"):
        assert schemas[body]["properties"]["transport"]["anyOf"][0]["enum"] == transports.split(",")


@pytest.mark.parametrize("enabled", [True, False])
def test_a_server_that_renews_nothing_does_not_say_that_it_does(make_app, enabled) -> None:
    document = document_of(make_app(refresh_token_enabled=enabled))
    about = document["info"]["description"]
    assert [text in about for text in ("X-New-Token", "renew themselves", "A refresh token")] == [enabled] * 3
    assert ("Nothing renews it here" in about) is not enabled
    signed_in = document["paths"]["/api/login"]["post"]["responses"]["200"]["content"]["application/json"]["example"]
    assert ("refresh_token" in signed_in) is enabled


def test_who_asks_for_liveness_is_not_told_of_a_database(make_app) -> None:
    paths = document_of(make_app())["paths"]
    found = {path: set(paths[path]["get"]["responses"]) for path in ("/healthz", "/readyz", "/.well-known/jwks.json")}
    assert found == {"/healthz": {"200"}, "/readyz": {"200", "503"}, "/.well-known/jwks.json": {"200"}}
