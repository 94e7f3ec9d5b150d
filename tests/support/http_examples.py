"""Requests and answers of the OpenAPI document: as HTTP has them on the wire, and which can be made as they are."""

import json
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

JSON: Final = "application/json"
WIDTH: Final = 115
TOKEN: Final = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.…"
IN_PATHS: Final = {"sid": "q3hZ0v8kSxWmUe2rTn5yLA", "passkey_id": "7"}  # as the document's examples of lists have them
SERVICE: Final = ("reports", "introspection-secret-0123456789-abcdef")
AUTHORIZATION: Final = {"accessToken": f"Bearer {TOKEN}", "serviceSecret": "Basic …"}
# What the examples cannot hold, since it is made anew each time, or is mailed: these calls are refused with them.
REFUSED: Final = {
    "passkeySignIn": (401, "invalid_passkey"),
    "refresh": (401, "invalid_token"),
    "logout": (401, "invalid_token"),
    "verifyEmail": (400, "invalid_link"),
    "resetPassword": (400, "invalid_link"),
    "confirmTotp": (409, "second_factor_state"),
    "renewRecoveryCodes": (409, "second_factor_state"),
    "addPasskey": (422, "invalid_fields"),
    "renamePasskey": (404, "not_found"),
    "removePasskey": (404, "not_found"),
    "endSession": (404, "not_found"),
}
LAST: Final = ("closeAccount", "changePassword")  # no other call could be made as the demo user between and after them


def request(method: str, path: str, operation: dict[str, Any]) -> str:
    """Return a call with the first of its credentials and the first of its bodies."""
    query = {each["name"]: each["schema"]["default"] for each in operation["parameters"] if each["in"] == "query"}
    lines = [f"{method} {path.format(**IN_PATHS)}{f'?{urlencode(query)}' if query else ''} HTTP/1.1"]
    ways = [name for way in operation["security"][:1] for name in way]
    lines += [f"Authorization: {AUTHORIZATION[name]}" for name in ways if name in AUTHORIZATION]
    for media_type, content in list(operation.get("requestBody", {}).get("content", {}).items())[:1]:
        example = content["example"]
        body = pretty(example) if media_type == JSON else urlencode(example).replace(quote("…"), "…")
        lines += [f"Content-Type: {media_type}", "", body]
    return "\n".join(lines)


def reply(operation: dict[str, Any]) -> str:
    """Return the answer to it if nothing is wrong."""
    status, answer = next(iter(operation["responses"].items()))
    line = f"HTTP/1.1 {status} {HTTPStatus(int(status)).phrase}"
    if JSON not in answer.get("content", {}):
        return line
    return f"{line}\nContent-Type: {JSON}\n\n{pretty(answer['content'][JSON]['example'])}"


def pretty(value: Any, indent: str = "") -> str:
    """Return JSON on one line if it fits, else with each member on a line of its own, which may be broken up, too."""
    text = json.dumps(value, ensure_ascii=False)
    if len(indent + text) < WIDTH or not isinstance(value, dict | list):
        return text
    deeper = indent + "  "
    if isinstance(value, dict):
        lines = [f"{json.dumps(name)}: {pretty(member, deeper)}" for name, member in value.items()]
    else:
        lines = [pretty(member, deeper) for member in value]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f"{begin}\n{deeper}" + f",\n{deeper}".join(lines) + f"\n{indent}{end}"
