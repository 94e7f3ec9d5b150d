"""One request and its answer, as HTTP has them on the wire, from an operation of the OpenAPI document."""

import json
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

JSON: Final = "application/json"
WIDTH: Final = 115
TOKEN: Final = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.…"
IN_PATHS: Final = {"sid": "q3hZ0v8kSxWmUe2rTn5yLA", "passkey_id": "7"}  # as the document's examples of lists have them
AUTHORIZATION: Final = {"accessToken": f"Bearer {TOKEN}", "serviceSecret": "Basic …"}


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
