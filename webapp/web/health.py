"""For those who watch the service: is it alive, can it work."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from webapp.database import db

health = Blueprint("health", __name__)


@health.get("/healthz")
def alive() -> ResponseReturnValue:
    return jsonify(status="ok")


@health.get("/readyz")
def ready() -> ResponseReturnValue:
    """200 if the database answers; the error handler makes 503 of an outage."""
    db.session.execute(select(1))
    return jsonify(status="ready")
