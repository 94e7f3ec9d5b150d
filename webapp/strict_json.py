"""JSON as RFC 8259 has it, and no more: what Python's parser takes beyond that is refused."""

import json
import math
from typing import Any, NoReturn


def loads(text: bytes) -> Any:
    """Return the value of a UTF-8 JSON text.

    Raises ValueError for other encodings, malformed text, repeated names, NaN and infinite numbers, and RecursionError
    for nesting deeper than Python's stack."""
    return json.loads(
        text.decode("utf-8"),
        object_pairs_hook=_unique_names,
        parse_constant=_refuse_constant,
        parse_float=_finite,
    )


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name is repeated")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("the number is too large")
    return number
