"""The routes that take JSON: a good body for each, its fields, and the problem that another body is."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support import people

GOOD: dict[str, dict[str, Any]] = {
    "POST /api/login": {"email": people.EMAIL, "password": people.PASSWORD},
    "POST /api/refresh": {"refresh_token": "x"},
    "POST /api/logout": {"refresh_token": "x"},
    "PATCH /api/me": {"first_name": "Ann", "last_name": "Lee"},
}
FIELDS = {
    "POST /api/login": ("email", "password", "transport", "code"),
    "POST /api/refresh": ("refresh_token",),
    "POST /api/logout": ("refresh_token",),
    "PATCH /api/me": ("first_name", "last_name"),
}
at_every_route = pytest.mark.parametrize("route", GOOD)
Send = Callable[..., TestResponse]


def assert_problem(reply: TestResponse, status: int, code: str, what: object = "") -> None:
    assert (reply.status_code, reply.content_type) == (status, "application/problem+json"), (what, reply.text)
    problem = reply.get_json()
    assert {"type", "title", "status", "detail", "code"} <= problem.keys()
    assert (problem["status"], problem["code"]) == (status, code)
