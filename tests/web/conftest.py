"""Fixtures of the tests by the test client: an administrator's desk, a watch over the metrics."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.desk import ADMIN
from tests.support.scraping import Watch
from tests.support.steps import sign_in_by_form


@pytest.fixture
def desk(app: Flask, user_id: int) -> FlaskClient:
    """An administrator's browser, just signed in. John Doe is the user with whom things are done."""
    people.create_user(app, ADMIN, is_admin=True, first_name="Ada", last_name="Admin")
    http = app.test_client()
    sign_in_by_form(http, email=ADMIN)
    return http


@pytest.fixture
def watch(app: Flask, user_id: int) -> Watch:
    """What the metrics have gained since John Doe was there."""
    return Watch(app)
