"""The landing page."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

home = Blueprint("home", __name__)


@home.get("/")
def index() -> ResponseReturnValue:
    return render_template("home.html")
