"""The landing page."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp import demo
from webapp.database import db
from webapp.web.context import settings

home = Blueprint("home", __name__)


@home.get("/")
def index() -> ResponseReturnValue:
    return render_template("home.html", demo_users=demo.credentials(db.session, settings()))
