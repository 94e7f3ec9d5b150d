"""What every request starts with: the instant, the client, an id for the log; and the way to the settings."""

import secrets
from time import perf_counter
from typing import cast

from flask import Flask, current_app, g, request

from webapp import logs
from webapp.audit import Client
from webapp.clock import utc_now
from webapp.config import Settings


def init_app(app: Flask) -> None:
    app.before_request(_begin)


def _begin() -> None:
    g.started = perf_counter()
    g.now = utc_now()
    g.request_id = secrets.token_hex(8)
    logs.request_id.set(g.request_id)
    activity = f"{request.method} {request.url_rule.rule}" if request.url_rule else ""
    g.client = Client(request.remote_addr or "", request.headers.get("User-Agent", ""), g.request_id, activity)


def settings() -> Settings:
    """Return the settings of the running application."""
    return cast(Settings, current_app.extensions["settings"])
