"""Limits per address, by Flask-Limiter; the throttle per account lives in the database (throttle.py)."""

import math
import time
from collections.abc import Callable
from typing import ParamSpec

from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from webapp import authentication
from webapp.config import Settings
from webapp.errors import MfaRequired, TooManyAttempts
from webapp.web import bodies, cookies
from webapp.web.context import settings
from webapp.web.limit_storage import PREFIX

P = ParamSpec("P")

limiter = Limiter(get_remote_address)


def init_app(app: Flask, options: Settings) -> None:
    uri = options.ratelimit_storage_uri
    app.config["RATELIMIT_ENABLED"] = options.ratelimit_enabled
    app.config["RATELIMIT_STORAGE_URI"] = uri if uri.startswith("memory:") else f"{PREFIX}{uri}"
    limiter.init_app(app)


def refusal() -> TooManyAttempts:
    """Return the error for the limit that was just exceeded, with the seconds until it counts anew."""
    reset_at = limiter.current_limit.reset_at - 1 if limiter.current_limit else 0  # it has rounded up by a second
    return TooManyAttempts(retry_after=max(1, math.ceil(reset_at - time.time())))


def _is_failure(response: Response) -> bool:
    # Being asked for a code is no failure: the password was right.
    return response.status_code in (401, 422) and not isinstance(g.get("refusal"), MfaRequired)


def _is_own_device() -> bool:
    """Whether the request comes from a browser that has signed in to the account it names: strangers at the same
    address cannot keep it out. The throttle per account still counts what it does."""
    device = cookies.read_device(settings(), request)
    email = bodies.peek("email") if device.accounts else None
    return email is not None and authentication.is_known(email=email, device=device, now=g.now)


_of_address = limiter.shared_limit(
    "10 per 5 minutes",
    scope="failed sign-ins",
    methods=["POST"],
    deduct_when=_is_failure,
    exempt_when=_is_own_device,
)
_of_all = limiter.shared_limit(
    "1000 per 5 minutes",
    scope="all failed sign-ins",
    key_func=lambda: "everybody",
    methods=["POST"],
    deduct_when=_is_failure,
    exempt_when=_is_own_device,
)


def limit_failed_sign_ins(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Bound the failures of an address, and of all together, at the doors that take a password; they count as one. Who
    signs in rightly is not counted, and known devices pass. Codes have their limits per user and per device that the
    user knows (mfa.py), and a passkey cannot be guessed."""
    limited: Callable[P, ResponseReturnValue] = _of_address(_of_all(view))
    return limited


# Whatever makes the server send mail to somebody who has not asked for it.
limit_mails = limiter.shared_limit("100 per hour", scope="mails", methods=["POST"])
# What a page asks for by itself while somebody types, or when it is opened.
limit_chatter = limiter.shared_limit("120 per minute", scope="chatter", methods=["POST"])
