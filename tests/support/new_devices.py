"""Browsers and places from which John Doe, or somebody else, signs in."""

from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.steps import sign_in_by_form

NEW_DEVICE, TOKEN_REUSED = "New sign-in to your account", "A device was signed out to protect you"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1"
OTHER = "other@test.com"
HOME, TRAIN = "192.168.1.20", "9.9.9.9"


def client(app: Flask, agent: str = FIREFOX, address: str = HOME) -> FlaskClient:
    http = app.test_client()
    move(http, agent, address)
    return http


def move(http: FlaskClient, agent: str, address: str) -> None:
    http.environ_base.update({"HTTP_USER_AGENT": agent, "REMOTE_ADDR": address})


def sign_in_again(http: FlaskClient, email: str = people.EMAIL, password: str = people.PASSWORD) -> None:
    """Sign in by the form, as a browser whose session has ended."""
    http.delete_cookie("refresh_token")
    assert sign_in_by_form(http, email=email, password=password).status_code == 303
