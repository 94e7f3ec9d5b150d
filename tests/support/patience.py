"""On a busy machine a database may answer later than a request can wait: the tests' own process has more patience, and
so have the servers that they start.

The tests that are about the product's limits keep to them."""

from typing import Final

from webapp import postgresql

_PATIENT: Final = {
    "REQUEST_TIMEOUT": 60.0,
    "ANSWER_TIMEOUT": 60.0,
    "CONNECT_TIMEOUT": 30,
    "POOL_TIMEOUT": 30.0,
    "PING_TIMEOUT": 30.0,
    "SERVER_OPTIONS": "-c statement_timeout=60000 -c lock_timeout=60000",
}
LIMITS: Final = {name: getattr(postgresql, name) for name in _PATIENT}  # the product's


def be_patient() -> None:
    for name, limit in _PATIENT.items():
        setattr(postgresql, name, limit)
