"""Waiting for what happens elsewhere, in another process or thread."""

import time
from collections.abc import Callable

ARRIVES_WITHIN = 40  # seconds; a postman that nobody wakes looks every five, and a first pause takes ten


def wait_until(is_so: Callable[[], bool], otherwise: str, *, within: float = ARRIVES_WITHIN) -> None:
    """Return when it is so; raises AssertionError with what is the matter `otherwise` if that takes too long."""
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)
