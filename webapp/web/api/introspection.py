"""Whether an access token is still good, for services that are given them."""

from urllib.parse import unquote_plus

from flask import Blueprint, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import Authorization

from webapp import introspection
from webapp.errors import BadRequest
from webapp.web.bodies import read_oauth_form
from webapp.web.context import settings

introspection_api = Blueprint("introspection_api", __name__)


@introspection_api.post("/introspect")
def introspect() -> ResponseReturnValue:
    form = read_oauth_form()
    sent = request.authorization or Authorization("basic")
    # Form-encoded before HTTP Basic (RFC 6749 §2.3.1): some clients do so, and to others it makes no difference, since
    # no name and no secret has a % or a +.
    name, secret = (unquote_plus(part or "") for part in (sent.username, sent.password))
    introspection.require_client(settings(), name=name, secret=secret)
    if "token" not in form:
        raise BadRequest("token is missing.")
    return jsonify(introspection.describe(settings(), form["token"], now=g.now))
