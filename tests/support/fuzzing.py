"""Examples that are made up: how many, of which text, and the application that they are sent to."""

from flask import Flask
from hypothesis import settings
from hypothesis import strategies as st

from tests.support import people

# The same examples every time: a failure here is never a surprise of the day.
fuzzed = settings(derandomize=True, max_examples=150, deadline=None, database=None)
TEXT = st.text(st.characters(exclude_categories=()), max_size=40)  # lone surrogates and NUL with the rest


def app_of(session: people.SignedIn) -> Flask:
    return session.http.application
