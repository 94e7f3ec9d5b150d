"""The application of tests/support/clocked.py with gates, so that a race has one outcome that a test chooses.

A request with the header `X-Test-Gate: <point> <name>` stops at that point, says so by the file `<name>.reached` in
TEST_GATES, and goes on when the test has made `<name>.open`. The points: `read` (the session's row has been read),
`confirm` (before the UPDATE that moves the generation), `event` (before the INSERT of an audit event), `view` (the view
is done, the after_request hooks are not)."""

import os
import time
from pathlib import Path
from typing import Any

from flask import g, has_request_context, request
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.support.clocked import app
from webapp.committed_reads import CommittedRead

_folder = Path(os.environ["TEST_GATES"])
_WAITS_AT_MOST = 15  # seconds


def _stop_at(point: str) -> None:
    if not has_request_context():
        return
    asked, _, name = request.headers.get("X-Test-Gate", "").partition(" ")
    if asked != point or g.get("has_stopped"):
        return
    g.has_stopped = True
    (_folder / f"{name}.reached").touch()
    deadline = time.monotonic() + _WAITS_AT_MOST
    while not (_folder / f"{name}.open").exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"gate {name} was not opened")
        time.sleep(0.002)


@event.listens_for(Engine, "before_cursor_execute")
def _before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if statement.startswith("UPDATE auth_sessions SET generation"):
        _stop_at("confirm")
    elif statement.startswith("INSERT INTO audit_events"):
        _stop_at("event")


_first = CommittedRead.first


def _slow_first(self: CommittedRead, **parameters: Any) -> Any:
    row = _first(self, **parameters)
    _stop_at("read")
    return row


CommittedRead.first = _slow_first


_show = app.view_functions["me_api.show"]


def _slow_show() -> Any:
    answer = _show()
    _stop_at("view")
    return answer


app.view_functions["me_api.show"] = _slow_show

__all__ = ["app"]
