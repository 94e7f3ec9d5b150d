"""The API described for programs (OpenAPI 3.1), from the table of operations and the models in schemas.py, answers.py.

Spectree walks the address map and turns models into schemas, which pydantic writes in the dialect of OpenAPI 3.1. It
is given no view to wrap: `bodies.read_json` alone validates. What spectree has no words for is added to its document:
problem+json, headers, examples, and the form of RFC 6749."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from flask import current_app
from spectree import Response, SecurityScheme, SecuritySchemeData, SpecTree
from spectree.models import InType, SecureType
from spectree.plugins.flask_plugin import FlaskPlugin
from werkzeug.routing import Rule

from webapp.token_format import SESSION_ID
from webapp.version import VERSION
from webapp.web import cookies
from webapp.web.context import settings
from webapp.web.openapi import details
from webapp.web.openapi.operation import Access, Operation
from webapp.web.openapi.operations import OPERATIONS
from webapp.web.openapi.shapes import OAuthError, Problem

_RENEWING: Final = """Sign-ins that renew themselves, and end the moment you say so.

- An access token opens the API: `Authorization: Bearer …`. Near its end, answers bring a successor in `X-New-Token`.
- A refresh token gets new access tokens and nothing else: by the cookie, as Bearer, or in the body.
"""
_NOT_RENEWING: Final = """Sign-ins that end the moment you say so.

- An access token opens the API: `Authorization: Bearer …`. Nothing renews it here: a session lasts as long as it does.
"""
_ABOUT: Final = """\
- Every error is `application/problem+json` (RFC 9457). Branch on `code`, which is stable. Any call may also answer
  404 `not_found`, 405 `method_not_allowed`, 500 `internal_error`, 400 `unknown_host` to another name than ours, and
  about a body, 400 `bad_request` if it is damaged and 413 `request_entity_too_large`. What gunicorn itself cannot read
  or meet (400, 417, 501) or finds too long (414 its first line, 431 its headers) it refuses before us, in HTML and
  without `no-store`.
- Bodies are UTF-8 JSON objects of at most 64 KiB, without NUL; unknown fields are refused. No answer may be stored,
  but for the public keys.
- Calls that a cookie opens are refused (`cross_origin`) unless the browser vouches for our own or an allowed origin.
  Calls that sign in, sign up or ask for a link without a token are refused to a browser that names any other origin,
  whatever they bring; programs, which name none, may make them."""

_BEARER: Final[dict[str, Any]] = {"type": SecureType.HTTP, "scheme": "bearer", "bearer_format": "JWT"}

# OpenAPI has no scheme for a token in the body: the empty one stands for it, and for signing out of nothing.
_SECURITY: Final[Mapping[Access, list[dict[str, list[str]]]]] = {
    "nothing": [],
    "access": [{"accessToken": []}],
    "refresh": [{"refreshCookie": []}, {"refreshToken": []}, {}],
    "any": [{"accessToken": []}, {"refreshCookie": []}, {"refreshToken": []}, {}],
    "client": [{"serviceSecret": []}],
}

_PARAMETERS: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "sid": ("The `id` of one of the user's sessions.", {"type": "string", "pattern": f"^{SESSION_ID}$"}),
    "passkey_id": (
        "The `id` of one of the user's passkeys.",
        {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
    ),
}


def document() -> dict[str, Any]:
    """Return the OpenAPI document of the running application, as JSON values; made once."""
    made: dict[str, Any] = current_app.extensions.setdefault("openapi", {})
    if not made:
        made.update(_make())
    return made


def _make() -> dict[str, Any]:
    tree = SpecTree(
        backend=_Routes,
        title="Evergreen",
        version=VERSION,
        description=(_RENEWING if settings().refresh_token_enabled else _NOT_RENEWING) + _ABOUT,
        annotations=False,
        security_schemes=_security_schemes(),
        naming_strategy=lambda model: str(model.__name__),
        nested_naming_strategy=lambda _, child: child,
        validation_error_model=Problem,
    )
    made: dict[str, Any] = tree.spec
    components = made["components"]
    components |= {"headers": details.HEADERS, "examples": {}}
    for rule in _rules():
        path = tree.backend.parse_path(rule, None)[0]
        for method, operation in _operations(rule):
            details.add(made["paths"][path][method.lower()], operation)
            components["examples"] |= details.problems(operation)
            if operation.form:
                components["schemas"][OAuthError.__name__] = OAuthError.model_json_schema(mode="serialization")
    return made


def _rules() -> list[Rule]:
    return [rule for rule in current_app.url_map.iter_rules() if any(_operations(rule))]


def _operations(rule: Rule) -> Iterator[tuple[str, Operation]]:
    for method in sorted(rule.methods or ()):
        operation = OPERATIONS.get(f"{method} {rule.rule}")
        if operation is not None:
            yield method, operation


class _Routes(FlaskPlugin):
    """Tells spectree what the table says of each route, in place of a decorator on each view."""

    def find_routes(self) -> list[Rule]:
        return _rules()

    def parse_func(self, route: Rule) -> Iterator[tuple[str, Any]]:
        for method, operation in _operations(route):
            models = {**operation.answers, **dict.fromkeys(details.errors(operation), Problem)}
            describe = self.spectree.validate(
                json=operation.body,
                form=operation.form,
                query=operation.query,
                resp=Response(**{f"HTTP_{status}": model for status, model in models.items()}),
                tags=[operation.tag],
                security=_SECURITY[operation.access],
                # Spectree adds an answer of its own for what it would refuse: to one that is there already, else
                # details.py takes it out.
                validation_error_status=HTTPStatus.SERVICE_UNAVAILABLE,
                skip_validation=True,
                operation_id=operation.name,
            )
            yield method, describe(current_app.view_functions[route.endpoint])

    def parse_path(self, route: Any, path_parameter_descriptions: Any) -> tuple[str, list[dict[str, Any]]]:
        path, parameters = super().parse_path(route, path_parameter_descriptions)
        for parameter in parameters:
            parameter["description"], parameter["schema"] = _PARAMETERS[parameter["name"]]
        return path, parameters


def _security_schemes() -> list[SecurityScheme]:
    cookie: dict[str, Any] = {
        "type": SecureType.API_KEY,
        "name": cookies.cookie_name(settings()),
        "field_in": InType.COOKIE,
    }
    schemes = {
        "accessToken": SecuritySchemeData(**_BEARER, description="`access_token` of a sign-in."),
        "refreshToken": SecuritySchemeData(**_BEARER, description="`refresh_token` of a sign-in by `body`."),
        "refreshCookie": SecuritySchemeData(
            **cookie, description="Set by a sign-in by `cookie`; browsers send it by themselves."
        ),
        "serviceSecret": SecuritySchemeData(
            type=SecureType.HTTP, scheme="basic", description="Name and secret of a service that asks about tokens."
        ),
    }
    return [SecurityScheme(name=name, data=data) for name, data in schemes.items()]
