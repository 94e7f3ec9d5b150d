"""The API described: as OpenAPI for programs, and as a page on which to read and try it."""

from importlib.resources import as_file, files
from typing import Final

from flask import Blueprint, Response, jsonify, render_template, send_file
from flask.typing import ResponseReturnValue

from webapp.web import openapi

pages = Blueprint("api_docs", __name__)

SWAGGER_UI: Final = files("flask_swagger_ui") / "dist"  # its files alone: the package's own page has inline script


@pages.get("/api/openapi.json")
def document() -> ResponseReturnValue:
    return jsonify(openapi.document())


@pages.get("/api/docs")
def show() -> ResponseReturnValue:
    return render_template("api_docs.html")


# Under /static/, so that browsers may keep 1.7 MB.
@pages.get('/static/swagger-ui/<any("swagger-ui-bundle.js", "swagger-ui.css"):name>')
def swagger_ui(name: str) -> Response:
    with as_file(SWAGGER_UI / name) as path:
        return send_file(path)
