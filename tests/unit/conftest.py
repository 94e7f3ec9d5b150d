"""The product's own patience with PostgreSQL, for the tests that are about it; elsewhere tests have more."""

from collections.abc import Iterator

import pytest

from tests.support.patience import LIMITS
from webapp import postgresql


@pytest.fixture
def the_products_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have requests wait no longer than they do in production; the test's own has ended afterwards."""
    for name, limit in LIMITS.items():
        monkeypatch.setattr(postgresql, name, limit)
    yield
    postgresql.end_request()
