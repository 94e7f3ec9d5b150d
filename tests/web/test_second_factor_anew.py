"""A second factor that is set up anew after it was taken away."""

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.second_factor import Phone, login, outcome, set_up
from tests.support.steps import MINUTE

pytestmark = pytest.mark.usefixtures("clock")


def test_a_new_second_factor_begins_after_the_time_step_of_the_last_code_that_was_taken(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """P10: the counter never goes back."""
    old = set_up(signed_in)
    assert login(app, old.code(1)).status_code == 200
    body = {"password": people.PASSWORD}
    assert signed_in.http.delete("/api/me/totp", json=body, headers=signed_in.bearer).status_code == 204
    new = Phone(signed_in.http.post("/api/me/totp", headers=signed_in.bearer).json["secret"], [])

    def confirm(steps: int) -> tuple[int, str]:
        body = {"code": new.code(steps)}
        return outcome(signed_in.http.post("/api/me/totp/confirm", json=body, headers=signed_in.bearer))

    assert [confirm(steps) for steps in (-1, 0, 1)] == [(409, "second_factor_state")] * 3
    assert login(app).status_code == 200
    clock.shift(MINUTE)
    assert confirm(0) == (200, "")
    assert outcome(login(app, new.code(-1))) == (401, "invalid_code")
    assert login(app, new.code(1)).status_code == 200
