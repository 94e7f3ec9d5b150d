"""The product with its limits, which are off elsewhere."""

from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from tests.support.guessing import device_cookie, sign_in_with_code
from tests.support.second_factor import Phone


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    return make_app(ratelimit_enabled=True, mail_url=f"file://{tmp_path}/mail")


@pytest.fixture
def own(app: Flask, user_id: int) -> str:
    """The cookie of John Doe's browser, which has just signed in."""
    return device_cookie(app)


@pytest.fixture
def known(app: Flask, phone: Phone, clock: time_machine.Traveller) -> str:
    """The cookie of John Doe's browser, which has signed in with a code."""
    return sign_in_with_code(app, phone, clock)
