"""docs/api.md, made from the OpenAPI document of an installation in production: `make api-reference` writes it."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from textwrap import fill
from typing import Any, Final

from tests.support.http_examples import JSON, pretty, reply, request
from tests.support.schema_words import fields, kind, resolved, rule
from tests.support.settings import make_settings
from webapp import create_app
from webapp.config import ROOT
from webapp.web import openapi
from webapp.web.openapi.operations import OPERATIONS

Schema = dict[str, Any]
Call = tuple[str, str, Schema]

FILE: Final = ROOT / "docs/api.md"
COMMAND: Final = "make api-reference"
WIDTH: Final = 120
PROBLEM: Final = "application/problem+json"
CREDENTIALS: Final = {
    "accessToken": "access token",
    "refreshCookie": "refresh cookie",
    "refreshToken": "refresh token as Bearer",
    "serviceSecret": "name and secret of a service, by HTTP Basic",
}
INTRODUCTION: Final = f"""# API reference

<!-- Made from the OpenAPI document by `{COMMAND}`. Do not edit it: tests/test_docs.py compares. -->

The same as `/api/openapi.json` and `/api/docs` of a running server, to read. [accounts.md](accounts.md) says which page
does what which call does, [clients.md](clients.md) how a client uses the tokens. A `?` behind a name: the field is not
always there. Times are RFC 3339 in UTC.
"""
REFUSALS: Final = f"""## Refusals

Every refusal is `{PROBLEM}` (RFC 9457):

{{example}}

`code` is stable, `detail` is for people, `errors` is there where fields are wrong, `request_id` leads to a line of the
server's log. A 401 has `WWW-Authenticate`, a 429 or 503 `Retry-After` in seconds. Who sends a form is told `error` and
`error_description` instead (RFC 6749 §5.2), where `error` is
{{oauth}}.

{{table}}
"""


def document() -> Schema:
    """Return the OpenAPI document that an installation in production gives, with every call in it."""
    settings = make_settings(
        app_env="production",
        public_url="https://accounts.example.com",
        database_url="postgresql+psycopg://nobody@localhost/nothing",  # which is not opened
        mail_url="",
    )
    app = create_app(settings)
    with app.app_context():
        return dict(json.loads(json.dumps(openapi.document())))


def reference() -> str:
    """Return docs/api.md as it has to be."""
    about = document()
    calls = _calls(about)
    parts = [INTRODUCTION, about["info"]["description"], _overview(calls)]
    for tag in about["tags"]:
        parts += [f"## {tag['name']}", tag["description"]]
        parts += [_call(about, *call) for call in calls if tag["name"] in call[2]["tags"]]
    return "\n\n".join(part.strip() for part in [*parts, _refusals(about)]) + "\n"


def _calls(about: Schema) -> list[Call]:
    """Return (method, path, operation) of each call: by tag, and in the order of the table that it all is made from."""
    calls = [
        (method.upper(), path, operation)
        for path, item in about["paths"].items()
        for method, operation in item.items()
        if "operationId" in operation
    ]
    tags = [tag["name"] for tag in about["tags"]]
    names = [operation.name for operation in OPERATIONS.values()]
    return sorted(calls, key=lambda call: (tags.index(call[2]["tags"][0]), names.index(call[2]["operationId"])))


def _overview(calls: list[Call]) -> str:
    rows = [
        (f"[{method} {path}](#{_anchor(f'{method} {path}')})", operation["summary"], _credential(operation))
        for method, path, operation in calls
    ]
    return _table(("call", "to", "credential"), rows)


def _anchor(heading: str) -> str:
    return "".join(letter for letter in heading.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join((f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *lines))


def _credential(operation: Schema) -> str:
    names = [CREDENTIALS[name] for way in operation["security"] for name in way]
    if {} in operation["security"]:
        names.append("refresh token in the body")
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names) or "none"


def _call(about: Schema, method: str, path: str, operation: Schema) -> str:
    parts = [
        f"### {method} {path}",
        fill(f"**{operation['summary']}.** {operation.get('description', '')}".strip(), WIDTH, break_on_hyphens=False),
        f"Credential: {_credential(operation)}.",
        *_parameters(operation),
        *_bodies(about, operation),
        "\n".join(_answers(about, operation)),
        f"<details><summary>Example</summary>\n\n```http\n{request(method, path, operation)}\n```\n\n"
        f"```http\n{reply(operation)}\n```\n\n</details>",
    ]
    return "\n\n".join(parts)


def _parameters(operation: Schema) -> Iterator[str]:
    rows = [
        (
            f"`{each['name']}`",
            f"{kind({}, each['schema'])}, in the {each['in']}",
            rule(each["schema"], is_required=each["required"], description=each["description"]),
        )
        for each in operation.get("parameters", [])
    ]
    if rows:
        yield _table(("parameter", "type", ""), rows)


def _bodies(about: Schema, operation: Schema) -> Iterator[str]:
    body = operation.get("requestBody", {})
    for media_type, content in body.get("content", {}).items():
        schema = resolved(about, content["schema"])
        rows = [
            (f"`{name}`", kind(about, field), rule(field, is_required=name in schema.get("required", [])))
            for name, field in schema["properties"].items()
        ]
        at_least = ", at least one field" if schema.get("minProperties") else ""
        yield f"Body: `{media_type}`{at_least}{'' if body['required'] else ', may be left out'}."
        yield _table(("field", "type", ""), rows)


def _answers(about: Schema, operation: Schema) -> Iterator[str]:
    """Yield a line for each success, and one for all refusals if there are any."""
    refused = []
    for status, answer in operation["responses"].items():
        content = answer.get("content", {})
        codes = [f"`{code}`" for code in content.get(PROBLEM, {}).get("examples", {})]
        if int(status) >= HTTPStatus.BAD_REQUEST:
            codes += ["`error` to a form"] if JSON in content else []
            refused.append(f"{status} {', '.join(codes)}")
            continue
        body = fields(about, resolved(about, content[JSON]["schema"])) if JSON in content else "no body"
        headers = "".join(f"; may have `{name}`" for name in answer.get("headers", {}))
        yield f"- **{status}**: {body}{headers}"
    if refused:
        yield f"- Refused: {'; '.join(refused)}"


def _refusals(about: Schema) -> str:
    examples = {code: example["value"] for code, example in about["components"]["examples"].items()}
    rows = [(f"`{code}`", str(one["status"]), one["title"]) for code, one in examples.items()]
    return REFUSALS.format(
        example=f"```json\n{pretty(examples['invalid_fields'])}\n```",
        oauth=kind(about, about["components"]["schemas"]["OAuthError"]["properties"]["error"]),
        table=_table(("code", "status", "meaning"), sorted(rows, key=lambda row: (row[1], row[0]))),
    )


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
