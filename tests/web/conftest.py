"""Fixtures of the tests by the test client: its mail, other people and devices, the desk, a watch over the metrics."""

from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.cookies import client_of
from tests.support.desk import ADMIN
from tests.support.mailbox import Mailbox
from tests.support.scraping import Watch
from tests.support.second_factor import Phone, set_up
from tests.support.steps import MINUTE, sign_in_by_form


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    """The application, whose mail goes into a folder of the test."""
    return make_app(mail_url=f"file://{tmp_path}/mail")


@pytest.fixture
def mailbox(app: Flask, tmp_path: Path) -> Mailbox:
    """What `app` has mailed."""
    return Mailbox(app, tmp_path / "mail")


@pytest.fixture
def production(make_app: Callable[..., Flask]) -> FlaskClient:
    """A client of the product as it is served over https, where John Doe is a user."""
    return client_of(make_app, is_https=True)


@pytest.fixture
def second_device(app: Flask, user_id: int) -> people.SignedIn:
    """The same user, signed in on a second device."""
    return people.sign_in(app.test_client())


@pytest.fixture
def stranger(app: Flask) -> people.SignedIn:
    """Somebody else."""
    people.create_user(app, "other@test.com")
    return people.sign_in(app.test_client(), email="other@test.com")


@pytest.fixture
def phone(signed_in: people.SignedIn, clock: time_machine.Traveller) -> Phone:
    """John Doe's second factor, set up a minute ago."""
    phone = set_up(signed_in)
    clock.shift(MINUTE)
    return phone


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
