"""Limits per address, by Flask-Limiter; the throttle per account lives in the database (accounts.py)."""

import math
import time

from flask import Flask, Response
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from webapp.config import Settings
from webapp.errors import TooManyAttempts

limiter = Limiter(get_remote_address, in_memory_fallback_enabled=True)


def init_app(app: Flask, settings: Settings) -> None:
    app.config["RATELIMIT_ENABLED"] = settings.ratelimit_enabled
    app.config["RATELIMIT_STORAGE_URI"] = settings.ratelimit_storage_uri
    limiter.init_app(app)


def _is_failure(response: Response) -> bool:
    return response.status_code in (401, 422)


def refusal() -> TooManyAttempts:
    """Return the error for the limit that was just exceeded, with the seconds until it counts anew."""
    reset_at = limiter.current_limit.reset_at - 1 if limiter.current_limit else 0  # it has rounded up by a second
    return TooManyAttempts(retry_after=max(1, math.ceil(reset_at - time.time())))


# Both doors, form and API, count together; who signs in rightly is not counted.
limit_failed_sign_ins = limiter.shared_limit(
    "10 per 5 minutes", scope="failed sign-ins", methods=["POST"], deduct_when=_is_failure
)
