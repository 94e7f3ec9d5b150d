"""The product with an outbox, in whose context a test runs, and the folder that its mail goes to."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.support.mailbox import Mailbox
from webapp import outbox


@pytest.fixture(autouse=True)
def _asleep() -> Iterator[None]:
    """Nobody has been woken yet, and nobody is when the test is over."""
    outbox.mail_waits.clear()
    yield
    outbox.mail_waits.clear()


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Iterator[Flask]:
    """The product, in whose context a test runs."""
    app = make_app(mail_url=f"file://{tmp_path}/mail")
    with app.app_context():
        yield app


@pytest.fixture
def mailbox(app: Flask, tmp_path: Path) -> Mailbox:
    return Mailbox(app, tmp_path / "mail")
