"""What every request starts with: the instant, the client, an id for the log; and the way to the settings."""

import secrets
from time import perf_counter
from typing import cast

from flask import Flask, Request, Response, current_app, g, request
from flask.ctx import _AppCtxGlobals
from werkzeug.exceptions import SecurityError

from webapp import logs, postgresql
from webapp.audit import Client
from webapp.clock import utc_now
from webapp.config import Settings


def init_app(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    postgresql.begin_request()
    asked, notes = this_request(), this_g()
    notes.started, notes.now = perf_counter(), utc_now()
    notes.request_id = request_id = secrets.token_hex(8)
    logs.request_id.set(request_id)
    activity = f"{asked.method} {asked.url_rule.rule}" if asked.url_rule else ""
    # From the environment: it costs less than headers, which raise and catch an error for one that is not there.
    user_agent = asked.environ.get("HTTP_USER_AGENT", "")
    notes.client = Client(asked.remote_addr or "", user_agent, request_id, activity)
    if isinstance(asked.routing_exception, SecurityError):
        # Of another host. Raised before anybody else refuses it: a page that says so needs the addresses of ours.
        raise asked.routing_exception


def _end(response: Response) -> Response:
    # What is streamed from here on may take its time: a long download is no late answer.
    postgresql.end_request()
    return response


def this_request() -> Request:
    """Return the request itself, for who looks at it several times: each look through Flask's proxy costs 0.7 µs."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined]
    return found


def this_g() -> _AppCtxGlobals:
    """Return `g` itself, likewise."""
    found: _AppCtxGlobals = g._get_current_object()
    return found


def settings() -> Settings:
    """Return the settings of the running application."""
    return cast(Settings, current_app.extensions["settings"])
