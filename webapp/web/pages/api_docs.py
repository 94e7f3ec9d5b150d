"""The API described: as OpenAPI for programs, and as a page on which to read and try it."""

from flask import Blueprint, jsonify, render_template
from flask.typing import ResponseReturnValue

from webapp.web import openapi

pages = Blueprint("api_docs", __name__)


@pages.get("/api/openapi.json")
def document() -> ResponseReturnValue:
    return jsonify(openapi.document())


@pages.get("/api/docs")
def show() -> ResponseReturnValue:
    return render_template("api_docs.html")
