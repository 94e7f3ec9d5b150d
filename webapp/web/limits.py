"""Limits per address, by Flask-Limiter; the throttle per account lives in the database (throttle.py)."""

import math
import time
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import ParamSpec

from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from webapp import claimed_accounts
from webapp.config import Settings
from webapp.errors import InvalidCode, InvalidCredentials, TooManyAttempts
from webapp.web import bodies, cookies
from webapp.web.context import settings
from webapp.web.limit_storage import PREFIX

P = ParamSpec("P")


def _network_of_client() -> str:
    """Return what an address counts as: an IPv4 address as itself, an IPv6 address as its network, "2001:db8::/64".

    One machine has all addresses of a /64, so that none of them alone bounds it (RFC 4291 §2.5.4, RFC 8981)."""
    text = get_remote_address()
    try:
        address = ip_address(text)
    except ValueError:  # a proxy of ours has named its client otherwise
        return text
    if not isinstance(address, IPv6Address):
        return text
    if address.ipv4_mapped:  # as a socket for both kinds shows them
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), 64), strict=False))


limiter = Limiter(_network_of_client)


def init_app(app: Flask, options: Settings) -> None:
    uri = options.ratelimit_storage_uri
    app.config["RATELIMIT_ENABLED"] = options.ratelimit_enabled
    app.config["RATELIMIT_STORAGE_URI"] = uri if uri.startswith("memory:") else f"{PREFIX}{uri}"
    limiter.init_app(app)


def refusal() -> TooManyAttempts:
    """Return the error for the limit that was just exceeded, with the seconds until it counts anew."""
    reset_at = limiter.current_limit.reset_at - 1 if limiter.current_limit else 0  # it has rounded up by a second
    return TooManyAttempts(retry_after=max(1, math.ceil(reset_at - time.time())))


def _is_failure(_: Response) -> bool:
    """Whether something was compared and was wrong. A form without its fields is no guess: it costs no hash, and must
    not fill what everybody shares. Being asked for a code is no failure either: the password was right."""
    return isinstance(g.get("refusal"), InvalidCredentials | InvalidCode)


def _is_own_device() -> bool:
    """Whether the request comes from a browser that has signed in to the account it names: strangers at the same
    address cannot keep it out. The throttle per account still counts what it does."""
    device = cookies.read_device(settings(), request)
    # At a link it is the link that says whose password is asked for, not a field that a thief adds to the form.
    email = bodies.peek("email") if device.accounts and not request.view_args else None
    return email is not None and claimed_accounts.find(email, device, now=g.now).is_known


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
    signs in rightly or sends nothing to compare is not counted, and known devices pass. Codes have their limits per
    user and per device that the user knows (mfa.py), and a passkey cannot be guessed. A door that answers for
    InvalidCredentials itself notes `g.refusal`."""
    limited: Callable[P, ResponseReturnValue] = _of_address(_of_all(view))
    return limited


# Whatever makes the server send mail to somebody who has not asked for it.
limit_mails = limiter.shared_limit("100 per hour", scope="mails", methods=["POST"])
# What a page asks for by itself while somebody types, or when it is opened.
limit_chatter = limiter.shared_limit("120 per minute", scope="chatter", methods=["POST"])
