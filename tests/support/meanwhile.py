"""What happens elsewhere while a request is at work."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

import pytest
from flask import Flask
from sqlalchemy import Executable

from webapp.database import db

Outcome = TypeVar("Outcome")


def elsewhere(deed: Callable[..., Outcome], *arguments: Any, **named: Any) -> Outcome:
    """Return what a deed comes to in another thread: in this one it would be part of the request at hand."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(deed, *arguments, **named).result()


def wait_for(app: Flask, deed: Callable[[], Outcome], *changes: Executable, then: Executable | None = None) -> Outcome:
    """Return what a deed comes to that has to wait for changes to be committed, or for one more that comes `then`."""
    with app.app_context(), ThreadPoolExecutor(1) as thread:
        for change in changes:
            db.session.execute(change)
        outcome = thread.submit(deed)
        is_done = wait([outcome], timeout=0.3).done
        if then is not None:
            db.session.execute(then)
        db.session.commit()
        assert not is_done, "it has to wait"
        return outcome.result()


def do_before(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, deed: Callable[[], object]) -> None:
    """Have something done elsewhere before the module's function of that name is called the next time."""
    function = getattr(module, name)

    def do_and_call(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(module, name, function)
        elsewhere(deed)
        return function(*arguments, **named)

    monkeypatch.setattr(module, name, do_and_call)
