"""The product with its limits, which are off elsewhere."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.support.guessing import device_cookie


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    return make_app(ratelimit_enabled=True, mail_url=f"file://{tmp_path}/mail")


@pytest.fixture
def own(app: Flask, user_id: int) -> str:
    """The cookie of John Doe's browser, which has just signed in."""
    return device_cookie(app)
