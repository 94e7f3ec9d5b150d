"""The WSGI application with a clock that a test can move: TEST_CLOCK_FILE holds the seconds it runs ahead.

TEST_HOST is the name of the host whose clock that is, where a test plays more than one. With TEST_PATIENT it has more
patience with PostgreSQL than the product. It hashes as cheaply as the tests' own process but with
TEST_HASHES_IN_EARNEST."""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

from tests.support.compiled import TEMPLATES
from tests.support.hashes import LEAST_HASHER
from tests.support.patience import be_patient
from webapp import clock, passwords, postman
from webapp.web import context

if os.environ.get("TEST_PATIENT"):
    be_patient()

from wsgi import app  # which takes the limits to its connections

_file = Path(os.environ["TEST_CLOCK_FILE"])


def _moved_now() -> datetime:
    ahead = json.loads(_file.read_text()) if _file.exists() else 0
    return clock.utc_now() + timedelta(seconds=ahead)


context.utc_now = postman.utc_now = _moved_now  # type: ignore[attr-defined]

if not os.environ.get("TEST_HASHES_IN_EARNEST"):
    passwords._hasher = LEAST_HASHER  # type: ignore[misc]

app.jinja_env.bytecode_cache = TEMPLATES

clock.HOST = os.environ.get("TEST_HOST", clock.HOST)

__all__ = ["app"]
