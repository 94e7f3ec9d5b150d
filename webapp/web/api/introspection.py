"""Whether an access token is still good, for services that are given them."""

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
    introspection.require_client(settings(), name=sent.username, secret=sent.password)
    if "token" not in form:
        raise BadRequest("token is missing.")
    return jsonify(introspection.describe(settings(), form["token"], now=g.now))
