"""Long JSON, a row at a time, so that it needs no memory."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flask import Response, json, stream_with_context


def answer(facts: Mapping[str, Any], lists: Mapping[str, Iterable[Any]], *, indent: int | None = None) -> Response:
    """Return one object, which has the facts, of which there are some, and then the lists."""
    return Response(stream_with_context(_pieces(facts, lists, indent)), content_type="application/json")


def _pieces(facts: Mapping[str, Any], lists: Mapping[str, Iterable[Any]], indent: int | None) -> Iterator[str]:
    separator = "{"
    for name, value in facts.items():
        yield f"{separator}\n{json.dumps(name)}: {json.dumps(value, indent=indent)}"
        separator = ","
    for name, rows in lists.items():
        yield f"{separator}\n{json.dumps(name)}: ["
        between = ""
        for row in rows:
            yield f"{between}\n{json.dumps(row, indent=indent)}"
            between = ","
        yield "]"
    yield "\n}\n"
