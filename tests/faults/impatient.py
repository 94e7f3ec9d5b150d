"""The application of tests/support/clocked.py, by a worker that parts with slow clients after seconds, not minutes."""

from tests.support.clocked import app
from webapp import serving

serving.HEAD_WITHIN = serving.ANSWERED_WITHIN = 4.0  # type: ignore[misc]

__all__ = ["app"]
