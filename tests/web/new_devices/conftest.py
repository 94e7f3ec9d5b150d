"""John Doe's first device."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.new_devices import client
from tests.support.steps import sign_in_by_form


@pytest.fixture
def laptop(app: Flask, user_id: int) -> FlaskClient:
    """Firefox at home, from which John Doe has signed in first."""
    http = client(app)
    sign_in_by_form(http)
    return http
