"""What every command does alike: odd arguments are refused in one line."""

import pytest
from flask import Flask

from tests.support.command_line import refused
from tests.support.people import users


@pytest.mark.parametrize("text", ["a\udcff", "a\0"], ids=["a byte that is not UTF-8", "NUL"])
@pytest.mark.parametrize(
    "command",
    [
        *(f"users {name}" for name in ("show", "promote", "deactivate", "unlock", "remove-second-factor")),
        "users create --password long-enough",
        "users create a@test.com --password",
        "users create a@test.com --password long-enough --first-name",
        *("sessions list --user", "sessions revoke --user", "sessions revoke"),
        *("events list --user", "events list --ip"),
    ],
)
def test_text_that_no_database_takes_is_refused_in_one_line(app: Flask, command: str, text: str) -> None:
    """Whichever command it is given to: Python makes a surrogate of a byte that is not UTF-8."""
    told = refused(app, *command.split(), text)
    assert "Holds NUL, or bytes that are not UTF-8." in told
    assert (told.count("\n"), users(app)) == (1, [])
