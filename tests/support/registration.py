"""Somebody new, who signs up by the API."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

NEW = "zoe@example.com"
PASSPHRASE = "four trees in a row"
BODY = {"email": NEW, "password": PASSPHRASE, "first_name": "Zoë", "last_name": "Quill"}


def register(app: Flask, **fields: Any) -> TestResponse:
    return app.test_client().post("/api/register", json={**BODY, **fields})
