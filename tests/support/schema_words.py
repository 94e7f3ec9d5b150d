"""The schemas of the OpenAPI document in words, for docs/api.md: types, rules and fields, on one line each."""

import json
from typing import Any

Schema = dict[str, Any]
FORMATS = {"date-time": "time", "email": "e-mail address"}


def resolved(about: Schema, schema: Schema) -> Schema:
    """Return the schema itself for a reference to one of the document's."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return dict(about["components"]["schemas"][name]) if name else schema


def kind(about: Schema, schema: Schema) -> str:
    """Return the type of a value: `string`, `list of {…}`, `time or null`."""
    schema = resolved(about, schema)
    if "anyOf" in schema:
        return " or ".join(kind(about, one) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema["type"] == "array":
        return f"list of {kind(about, schema['items'])}"
    if "properties" in schema:
        return f"{{{fields(about, schema)}}}"
    return FORMATS.get(schema.get("format", ""), str(schema["type"]))


def fields(about: Schema, schema: Schema) -> str:
    """Return the fields of an object with their types; `?` is behind the names of those that may be missing."""
    required = schema.get("required", [])
    return ", ".join(
        f"`{name}{'' if name in required else '?'}` {kind(about, field)}"
        for name, field in schema["properties"].items()
    )


def rule(schema: Schema, *, is_required: bool, description: str = "") -> str:
    """Return what a value has to be besides its type."""
    one = {**schema, **next((one for one in schema.get("anyOf", []) if one["type"] != "null"), {})}
    description = description or schema.get("description", "")
    parts = ["required"] if is_required else []
    for least, most, unit in (("minLength", "maxLength", " characters"), ("minimum", "maximum", "")):
        if most in one:
            parts.append(f"{one[least]:,} to {one[most]:,}{unit}" if one.get(least) else f"at most {one[most]:,}{unit}")
    if "pattern" in one and not schema.get("description"):
        parts.append(f"`{one['pattern']}`")
    if schema.get("default") not in (None, ""):
        parts.append(f"default `{json.dumps(schema['default'])}`")
    return ". ".join(filter(None, [", ".join(parts), description.removesuffix(".")]))
