"""Flask, without what it does at each request that nothing here has any use for."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

F = TypeVar("F", bound=Callable[..., Any])


class FormSessions(SecureCookieSessionInterface):
    """Flask's session, which carries forms' tokens and messages between pages, opened for those who have one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if "HTTP_COOKIE" not in request.environ:  # most programs, at every call
            return self.session_class()
        return super().open_session(app, request)


class Application(Flask):
    session_interface = FormSessions()

    def ensure_sync(self, func: F) -> F:
        """Return a view or hook as it is: none of ours is a coroutine, and Flask looks a dozen times a request."""
        return func
