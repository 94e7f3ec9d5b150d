"""The application of tests/support/clocked.py, by a worker that parts with slow clients after seconds, not minutes.

At /long there is a download of 16 MiB, which waits for its client."""

from collections.abc import Iterable
from typing import Any

from tests.support.clocked import app as product
from webapp import serving

serving.HEAD_WITHIN = serving.ANSWERED_WITHIN = 4.0  # type: ignore[misc]


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] != "/long":
        return product(environ, start_response)
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return (b"x" * 65_536 for _ in range(256))
