"""For other programs: is the service alive, can it work, what goes on, and which keys sign its access tokens."""

import hmac
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, g, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from webapp import gauges, metrics
from webapp.database import db
from webapp.web.context import settings
from webapp.web.credentials import bearer_token

health = Blueprint("health", __name__)


@health.get("/healthz")
def alive() -> ResponseReturnValue:
    return jsonify(status="ok")


@health.get("/readyz")
def ready() -> ResponseReturnValue:
    """200 if the database answers; the error handler makes 503 of an outage."""
    db.session.execute(select(1))
    return jsonify(status="ready")


@health.get("/.well-known/jwks.json")
def public_keys() -> ResponseReturnValue:
    """The keys that verify access tokens (RFC 7517 §5); none without JWT_SIGNING_KEY, for a shared key is a secret."""
    return jsonify(keys=[key.jwk for key in settings().key_pairs])


# --- metrics ---------------------------------------------------------------------------------------------


@health.get("/metrics")
def show_metrics() -> ResponseReturnValue:
    """200 even while the database is away, which is one of the figures; 404 to whom they are none of their business."""
    if not (_has_metrics_token() or _comes_from_this_machine()):
        abort(404)
    now = gauges.read(db.session, settings(), now=g.now)
    return Response(metrics.exposition(now), content_type=metrics.CONTENT_TYPE)


def _has_metrics_token() -> bool:
    expected, given = settings().metrics_token.get_secret_value(), bearer_token() or ""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def _comes_from_this_machine() -> bool:
    """Whether a program on this machine asks, and not the world through a proxy on it."""
    # ProxyFix has put what the proxy says in the place of the peer's own address.
    environ = request.environ.get("werkzeug.proxy_fix.orig", request.environ)
    is_forwarded = any(
        name.lower().startswith("x-forwarded-") or name.lower() in ("forwarded", "via", "x-real-ip")
        for name in request.headers.keys()  # noqa: SIM118 - werkzeug's headers iterate as pairs
    )
    hostname = urlsplit(f"//{request.host}").hostname or ""
    is_local_name = hostname == "localhost" or _is_loopback(hostname)
    return not is_forwarded and is_local_name and _is_loopback(environ.get("REMOTE_ADDR") or "")


def _is_loopback(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:  # as a socket for both kinds shows them
        address = address.ipv4_mapped
    return address.is_loopback
