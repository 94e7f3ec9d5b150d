"""What happens elsewhere while a request is at work."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

Outcome = TypeVar("Outcome")


def elsewhere(deed: Callable[..., Outcome], *arguments: Any, **named: Any) -> Outcome:
    """Return what a deed comes to in another thread: in this one it would be part of the request at hand."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(deed, *arguments, **named).result()


def do_before(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, deed: Callable[[], object]) -> None:
    """Have something done elsewhere before the module's function of that name is called the next time."""
    function = getattr(module, name)

    def do_and_call(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(module, name, function)
        elsewhere(deed)
        return function(*arguments, **named)

    monkeypatch.setattr(module, name, do_and_call)
