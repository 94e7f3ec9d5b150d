"""Flask, without what it does at each request that nothing here has any use for."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect

from webapp.web.context import this_request

F = TypeVar("F", bound=Callable[..., Any])


class FormSessions(SecureCookieSessionInterface):
    """Flask's session, which carries forms' tokens and messages between pages, opened for those who have one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if "HTTP_COOKIE" not in request.environ:  # most programs, at every call
            return self.session_class()
        return super().open_session(app, request)


class FormProtection(CSRFProtect):  # type: ignore[misc]  # the library has no types
    """Flask-WTF's, which looks at what a request is for before it looks whether that is one to check."""

    def protect(self, apply_exemptions: bool = False) -> None:
        if this_request().method != "GET":
            super().protect(apply_exemptions)


class Application(Flask):
    session_interface = FormSessions()

    def ensure_sync(self, func: F) -> F:
        """Return a view or hook as it is: none of ours is a coroutine, and Flask looks a dozen times a request."""
        return func
