"""Sessions as a whole: whatever is done in whatever order and at whatever time, the rules of sessions.md hold.

Two state machines say what is done: one with whatever token there is, and one as honest clients do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.databases import fresh_database
from tests.unit import session_world as world
from tests.unit.anybodys_tokens import AnybodysTokens
from tests.unit.honest_clients import HonestClients


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: these rules live in the code; what an engine may do to them, the tests of refreshing show."""
    return fresh_database("sqlite", tmp_path)


SETTINGS = hypothesis_settings(
    max_examples=40, stateful_step_count=30, deadline=None, derandomize=True, database=None
)  # fmt: skip


@pytest.mark.parametrize("machine", [AnybodysTokens, HonestClients])
def test_whatever_happens_in_whatever_order_the_rules_of_sessions_hold(
    make_app: Callable[..., Flask], machine: type[Any]
) -> None:
    """R01, R03, R04, R08, R10, R11, R17, N05, V01; for honest clients: nobody is signed out before the end."""
    app = make_app(**world.LIVES)
    run_state_machine_as_test(lambda: machine(app), settings=SETTINGS)
