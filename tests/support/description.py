"""The API's description held against what the tests see: whatever an application answers has to be in its document."""

import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

import jsonschema_rs
from flask import Flask, Response, current_app, request

from webapp.web import cookies, openapi
from webapp.web.context import settings
from webapp.web.problems import PROGRAM_PATHS

_made: dict[Any, dict[str, Any]] = {}

# What no call can be said to answer with by itself: the wrong host, a fault of ours that a test provokes.
ANYWHERE = {"unknown_host", "internal_error"}


def path_of(rule: str) -> str:
    """Return an address of the address map as OpenAPI writes it: /api/sessions/{sid}"""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def watch(app: Flask) -> list[str]:
    """Look at each answer for programs from now on; return the list into which goes what its document does not have."""
    found: list[str] = []

    @app.after_request
    def compare(response: Response) -> Response:
        rule = request.url_rule
        if rule is not None and rule.rule.startswith(PROGRAM_PATHS) and request.method not in ("OPTIONS", "HEAD"):
            found.extend(f"{request.method} {rule.rule}: {what}" for what in _differences(rule.rule, response))
        return response

    return found


def _differences(rule: str, response: Response) -> Iterator[str]:
    document = _document()
    operation = document["paths"].get(path_of(rule), {}).get(request.method.lower())
    if operation is None:
        return
    body = response.get_json(silent=True) if response.is_json else None
    code = body.get("code") if isinstance(body, dict) else None
    is_of_body = response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if code in ANYWHERE or (is_of_body and "requestBody" not in operation):  # one that nobody has asked for
        return
    answer = operation["responses"].get(str(response.status_code))
    if answer is None:
        yield f"{response.status_code} ({code}) is not described"
        return
    content = answer.get("content", {}).get(response.mimetype, {})
    if response.data and not content:
        yield f"{response.status_code} as {response.mimetype} is not described"
    elif code is not None and response.status_code >= 400 and code not in content.get("examples", {}):
        yield f"{response.status_code} {code} is not described"
    elif content:
        for error in _validator(content["schema"]["$ref"]).iter_errors(body):
            yield f"{response.status_code}: {error.message} at {list(error.instance_path)}"


def _document() -> dict[str, Any]:
    """Return the application's document, which is made once for all applications that are alike in what it says."""
    rules = tuple(rule.rule for rule in current_app.url_map.iter_rules())
    own = settings()
    alike = (rules, cookies.cookie_name(own), own.password_min_length, own.refresh_token_transports)
    if alike not in _made:
        _made[alike] = openapi.document()
    return _made[alike]


@cache
def _validator(reference: str) -> Any:
    """Return what compares a value with a schema of the document, which is the same in every application."""
    components = {"schemas": openapi.document()["components"]["schemas"]}
    return jsonschema_rs.Draft202012Validator(
        {"$ref": reference, "components": components, "unevaluatedProperties": False}
    )
