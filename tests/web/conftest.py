"""Fixtures of the tests by the test client: mail, browsers, sessions."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.support.mailbox import Mailbox


@pytest.fixture
def mailbox(make_app: Callable[..., Flask], tmp_path: Path) -> Mailbox:
    """The mail of an application of its own, which is `mailbox.app`."""
    return Mailbox(make_app(mail_url=f"file://{tmp_path}/mail"), tmp_path / "mail")
