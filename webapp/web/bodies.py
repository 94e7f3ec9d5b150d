"""Reading request bodies: bounded, strict JSON (RFC 8259, UTF-8) into a pydantic model, and query strings likewise."""

from typing import Any, Final, TypeVar

from flask import Flask, g, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from webapp import strict_json
from webapp.errors import BadRequest, InvalidFields, InvalidQuery, MalformedJson, UnsupportedMediaType
from webapp.text import is_storable

FORM: Final = "application/x-www-form-urlencoded"
MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 20
Model = TypeVar("Model", bound=BaseModel)


def init_app(app: Flask) -> None:
    # One byte more than is allowed may be read, so that a chunked body, which has no length, is seen to be too long.
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = MAX_BYTES + 1
    app.before_request(_bound_body)


def _bound_body() -> None:
    if request.environ.keys().isdisjoint(("CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING")):
        return  # none was sent
    try:
        length = len(request.get_data())
    except HTTPException:
        raise
    except Exception:  # each server has its own, and they quote the body: damaged chunks, a connection that broke off
        raise BadRequest("The body could not be read to its end.") from None
    if length > MAX_BYTES:
        raise RequestEntityTooLarge


def read_json(model: type[Model]) -> Model:
    """Return the JSON object of the request's body as `model`.

    Raises UnsupportedMediaType for another content type, MalformedJson for anything but one UTF-8 JSON object, and
    InvalidFields for wrong, missing or unknown fields."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    return _validate(model, _parse_object(request.get_data()), InvalidFields)


def read_query(model: type[Model], *, of_form: bool = False) -> Model:
    """Return the request's query string as `model`; what was left empty in a form is left out.

    Raises InvalidQuery for wrong values and for repeated names."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise InvalidQuery({name: ["Given more than once."] for name in repeated})
    unstorable = [name for name, value in request.args.items() if not is_storable(value)]
    if unstorable:
        raise InvalidQuery({name: ["Holds characters that cannot be looked for."] for name in unstorable})
    given = {name: value for name, value in request.args.items() if value or not of_form}
    return _validate(model, given, InvalidQuery)


def read_oauth_form() -> dict[str, str]:
    """Return the form of an OAuth request, without the parameters that have no value (RFC 6749 §3.2).

    Raises BadRequest for repeated ones. From here on errors have the form that OAuth gives them (§5.2)."""
    g.is_oauth_form = True
    refuse_repeated_parameters()
    return {name: value for name, value in request.form.items() if value}


def refuse_repeated_parameters(*, but: str = "") -> None:
    """Raise BadRequest for a form that gives one twice, `but` one that may be: whoever looked at it before us may have
    taken the other."""
    if any(len(values) > 1 for name, values in request.form.lists() if name != but):
        raise BadRequest("A parameter was given more than once.")


def peek(name: str) -> str | None:
    """Return a text field of the form or JSON body, for who decides before the body is read; None if there is none."""
    try:
        body = request.form if request.form else _parse_object(request.get_data())
    except MalformedJson:
        return None
    value = body.get(name)
    return value if isinstance(value, str) and is_storable(value) else None


def _parse_object(body: bytes) -> dict[str, Any]:
    try:
        value = strict_json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedJson("The body is not valid UTF-8 JSON.") from None
    if not isinstance(value, dict):
        raise MalformedJson("The body must be a JSON object.")
    _check_text(value, depth=1)
    return value


def _check_text(value: object, *, depth: int) -> None:
    """Refuse what no database or hash can hold: NUL, lone surrogates; and nesting without end."""
    if depth > MAX_DEPTH:
        raise MalformedJson(f"The body is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, str) and not is_storable(value):
        raise MalformedJson("Text must not contain NUL or unpaired surrogates.")
    if isinstance(value, dict):
        for name, item in value.items():
            _check_text(name, depth=depth)
            _check_text(item, depth=depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_text(item, depth=depth + 1)


def _validate(model: type[Model], values: dict[str, Any], error_class: type[InvalidFields]) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        errors: dict[str, list[str]] = {}
        for item in error.errors(include_input=False, include_url=False):
            name = ".".join(str(part) for part in item["loc"]) or "body"
            errors.setdefault(name, []).append(item["msg"].removeprefix("Value error, "))
        raise error_class(errors) from None
