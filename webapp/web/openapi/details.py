"""What spectree leaves out of an operation: its refusals as problem+json, headers, examples, and OAuth's form."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel

from webapp.errors import (
    AppError,
    DatabaseUnavailable,
    InvalidFields,
    InvalidQuery,
    MalformedJson,
    TooManyAttempts,
    UnsupportedMediaType,
)
from webapp.web.bodies import FORM
from webapp.web.context import settings
from webapp.web.openapi.examples import examples
from webapp.web.openapi.operation import OF_TOKENS, Operation
from webapp.web.openapi.shapes import OAuthError, Problem

PROBLEM: Final = "application/problem+json"
JSON: Final = "application/json"

HEADERS: Final = {
    "X-New-Token": {
        "description": "The successor of an access token that is near its end. Adopt it; the old one goes on working.",
        "schema": {"type": "string"},
    },
    "Set-Cookie": {
        "description": "With the cookie transport: the refresh token, or its end; by what the device is known.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "How many seconds to wait.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "The challenge of RFC 6750 §3, or of a service that has to say who it is.",
        "required": True,
        "schema": {"type": "string", "pattern": "^(Bearer|Basic)"},
    },
}


class _TooLarge(AppError):
    """Stands for Werkzeug's exception, which any body of more than 64 KiB meets."""

    code, title, status = "request_entity_too_large", "Request Entity Too Large", 413

    def __init__(self) -> None:
        super().__init__("That was too large.")


def errors(operation: Operation) -> dict[int, list[type[AppError]]]:
    """Return what the call can be refused with, by status: what the table says, and what follows from its shape."""
    refusals: list[type[AppError]] = [*OF_TOKENS[operation.access], *operation.errors]
    if operation.asks_database:
        refusals.append(DatabaseUnavailable)
    if operation.body:
        refusals += [MalformedJson, UnsupportedMediaType, InvalidFields]
    if operation.body or operation.form:
        refusals.append(_TooLarge)
    if operation.query:
        refusals.append(InvalidQuery)
    found: dict[int, list[type[AppError]]] = {}
    for error in refusals:
        found.setdefault(error.status, []).append(error)
    return dict(sorted(found.items()))


def problems(operation: Operation) -> dict[str, Any]:
    """Return an example of each refusal of the call, by its code; an OAuth client is told in another form."""
    refusals = (error for of_status in errors(operation).values() for error in of_status)
    return {error.code: _problem(error) for error in refusals if operation.body or not error.oauth_error}


def add(entry: dict[str, Any], operation: Operation) -> None:
    """Add to an operation of spectree's document what the table says besides."""
    entry |= {"summary": operation.summary, "description": operation.description}
    for status, model in operation.answers.items():
        answer = entry["responses"][str(status)]
        headers = {"X-New-Token": _may_renew(operation), "Set-Cookie": operation.sets_cookie}
        answer["headers"] = {name: _ref("headers", name) for name, is_sent in headers.items() if is_sent}
        if model:
            answer["content"][JSON]["example"] = dict(operation.notice) if operation.notice else _example(model)
    refusals = errors(operation)
    if HTTPStatus.SERVICE_UNAVAILABLE not in refusals:
        del entry["responses"]["503"]  # spectree's own
    for status, of_status in refusals.items():
        entry["responses"][str(status)] |= _refusal(status, of_status)
    if operation.body:
        _complete_body(entry["requestBody"], operation.body, is_required=operation.is_body_required)
    if operation.form:
        _add_form(entry, operation, operation.form)


def _may_renew(operation: Operation) -> bool:
    return operation.access == "access" and operation.renews and settings().refresh_token_enabled


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _example(model: type[BaseModel]) -> Mapping[str, Any]:
    return examples(settings())[model]


def _refusal(status: int, of_status: list[type[AppError]]) -> dict[str, Any]:
    headers = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
    examples = {error.code: _ref("examples", error.code) for error in of_status}
    return {
        "description": "\n".join(f"- `{error.code}`: {error.title}." for error in of_status),
        "headers": {headers[status]: _ref("headers", headers[status])} if status in headers else {},
        "content": {PROBLEM: {"schema": _ref("schemas", Problem.__name__), "examples": examples}},
    }


def _problem(error: type[AppError]) -> dict[str, Any]:
    """Return such a refusal, shaped as web/problems.py does it, as an example."""
    one = _one(error)
    body = {
        "type": f"urn:problem-type:evergreen:{one.code}",
        "title": one.title,
        "status": one.status,
        "detail": one.detail,
        "code": one.code,
        "request_id": "5f0c9d6e1a2b3c4d",
    }
    if isinstance(one, InvalidFields):
        body["errors"] = one.errors
    return {"summary": one.title, "value": body}


def _one(error: type[AppError]) -> AppError:
    if issubclass(error, InvalidFields):
        return error({"field": ["What is wrong with it."]})
    return error(retry_after=60) if issubclass(error, TooManyAttempts) else error()


def _complete_body(body: dict[str, Any], model: type[BaseModel], *, is_required: bool) -> None:
    body["required"] = is_required
    body["content"][JSON]["example"] = _example(model)


def _add_form(entry: dict[str, Any], operation: Operation, form: type[BaseModel]) -> None:
    """Say what an OAuth client sends and is told; spectree takes every form for one of several parts."""
    content = entry["requestBody"]["content"]
    del content["multipart/form-data"]
    content[FORM] = {"schema": _ref("schemas", form.__name__), "example": _example(form)}
    for error in (error for of_status in errors(operation).values() for error in of_status if error.oauth_error):
        answer = entry["responses"][str(error.oauth_status)]
        if not operation.body:  # then nobody is told anything else
            answer["content"].pop(PROBLEM, None)
        refused = {"error": error.oauth_error, "error_description": f"{error.title}."}
        answer["content"][JSON] = {"schema": _ref("schemas", OAuthError.__name__), "example": refused}
