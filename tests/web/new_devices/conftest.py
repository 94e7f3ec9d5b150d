"""The product that mails, and John Doe's first device."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.mailbox import Mailbox
from tests.support.new_devices import client
from tests.support.steps import sign_in_by_form


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    return make_app(mail_url=f"file://{tmp_path}/mail")


@pytest.fixture
def mailbox(app: Flask, user_id: int, tmp_path: Path) -> Mailbox:
    return Mailbox(app, tmp_path / "mail")


@pytest.fixture
def laptop(app: Flask, mailbox: Mailbox) -> FlaskClient:
    """Firefox at home, from which John Doe has signed in first."""
    http = client(app)
    sign_in_by_form(http)
    return http
