"""Errors on their way out: problem+json for programs (RFC 9457), a page with a next step for people."""

import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, json, redirect, render_template, request, url_for
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError

from webapp.database import OUTAGES
from webapp.errors import (
    AppError,
    BadRequest,
    DatabaseUnavailable,
    InvalidFields,
    NotFound,
    ReauthenticationRequired,
    SessionEnded,
    TokenExpired,
    TooManyAttempts,
    Unauthorized,
    UnsupportedMediaType,
)
from webapp.postgresql import NotReady
from webapp.web import cookies, expired_forms
from webapp.web.context import settings
from webapp.web.limits import refusal
from webapp.web.problem_words import WORDS, detail_for_people
from webapp.web.redirects import asked_page, is_page, own_path, page_instead, page_of_form, page_of_sent_form

log = logging.getLogger(__name__)

PROGRAM_PATHS = ("/api/", "/healthz", "/readyz", "/.well-known/")
PAGE_AMONG_THEM = "/api/docs"

# Where a password is asked for, and nothing else is to be done.
_DOORS_OF_PASSWORDS = {"auth.submit_login", "registration.submit_verification", "security.submit_confirmation"}

# A type of problem has one title, whether one of our views or Werkzeug has raised it.
_TITLES = {error.code: error.title for error in (NotFound, BadRequest, UnsupportedMediaType)}


def init_app(app: Flask) -> None:
    app.register_error_handler(AppError, _app_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(SecurityError, _foreign_host)
    app.register_error_handler(RateLimitExceeded, _too_many)
    app.register_error_handler(HTTPException, _http_error)
    for outage in OUTAGES:
        app.register_error_handler(outage, _outage)
    app.register_error_handler(Exception, _unexpected)


def problem(status: int, code: str, title: str, detail: str, *, errors: dict[str, list[str]] | None = None) -> Response:
    """Return an application/problem+json response; `code` is stable, `detail` is for people."""
    body: dict[str, Any] = {
        "type": f"urn:problem-type:evergreen:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": g.get("request_id", ""),
    }
    if errors is not None:
        body["errors"] = errors
    return Response(json.dumps(body), status, content_type="application/problem+json")


def is_for_program() -> bool:
    path = request.path
    return path.startswith(PROGRAM_PATHS) and path != PAGE_AMONG_THEM


def _app_error(error: AppError) -> Response:
    g.refusal = error
    if g.get("is_oauth_form") and error.oauth_error:
        body = {"error": error.oauth_error, "error_description": error.detail}
        response = Response(json.dumps(body), error.oauth_status, content_type="application/json")
    elif is_for_program():
        errors = error.errors if isinstance(error, InvalidFields) else None
        response = problem(error.status, error.code, error.title, error.detail, errors=errors)
    elif isinstance(error, ReauthenticationRequired):
        response = redirect(url_for("security.confirm", next=_way_back()), 303)  # type: ignore[assignment]
    else:
        if isinstance(error, TooManyAttempts) and request.endpoint in _DOORS_OF_PASSWORDS:
            g.next_step = (url_for("recovery.forgot"), "Set a new password instead")
        response = _page(error.status, error.title, detail_for_people(error))
    if isinstance(error, Unauthorized) and response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = error.challenge
    # Only where the session is really over, never for a passing failure: an honest client keeps its cookie.
    if g.get("is_cookie_credential") and isinstance(error, SessionEnded | TokenExpired):
        cookies.clear_refresh(settings(), response)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _way_back() -> str:
    """Return the page that was asked for, or that holds the form or the download, with what it was filtered by."""
    try:
        asked = urlsplit(asked_page() if request.method == "GET" else request.referrer or "")
    except ValueError:  # no URL at all
        asked = urlsplit("")
    way = own_path(asked._replace(scheme="", netloc="").geturl(), default=url_for("account.profile"))
    # Where a form was refused, the browser stands at the address that it was sent to.
    return way if is_page(asked.path) else page_of_form(asked.path)


def _csrf_error(error: CSRFError) -> Response:
    """The form's token is missing, foreign or too old: nothing is done, and the user may try again."""
    if (way_on := expired_forms.lead_on()) is not None:
        return way_on
    detail = "This form was open for too long, or came from another place. Open it again and repeat what you did."
    action_url = page_of_sent_form()
    return _page(400, "The form has expired", detail, action_url=action_url, action_label="Open the page again")


def _foreign_host(_: SecurityError) -> Response:
    """A Host header that is not ours: no link can be built for it, so no page is rendered."""
    text = "This server does not answer to that host name."
    if is_for_program():
        return problem(400, "unknown_host", "The host is not known here", text)
    return Response(f"{text}\n", 400, content_type="text/plain; charset=utf-8")


def _too_many(_: RateLimitExceeded) -> Response:
    return _app_error(refusal())


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < HTTPStatus.BAD_REQUEST:  # Werkzeug's redirects are raised too
        return Response(error.get_response().response, status, headers=error.get_headers())
    if status == HTTPStatus.METHOD_NOT_ALLOWED and (page := page_instead()):
        return redirect(page, 303)  # type: ignore[return-value]  # Flask's own class of response
    phrase = error.name  # Werkzeug's, since the standard library's changes with the version of Python
    title, detail = WORDS.get(status, (phrase, "Go to the start page."))
    if is_for_program():
        code = phrase.lower().replace(" ", "_")
        response = problem(status, code, _TITLES.get(code, phrase), f"{_TITLES.get(code, title)}.")
    else:
        response = _page(status, title, detail)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _outage(error: Exception) -> Response:
    reason = getattr(error, "orig", None)
    # Said in full where it may be a mistake of ours: a column that no table has is one, or is still to be made.
    log.error("database unavailable: %s", reason if isinstance(reason, NotReady) else type(error).__name__)
    return _app_error(DatabaseUnavailable(retry_after=1))


def _unexpected(error: Exception) -> Response:
    log.exception("unexpected error, request %s", g.get("request_id", ""), exc_info=error)
    title, detail = WORDS[500]
    return problem(500, "internal_error", title, detail) if is_for_program() else _page(500, title, detail)


def _page(
    status: int, title: str, detail: str, *, action_url: str | None = None, action_label: str | None = None
) -> Response:
    # What a view has said would help (`g.next_step`: address and label), if anything.
    next_step = g.get("next_step") or (url_for("home.index"), "Go to the start page")
    html = render_template(
        "error.html",
        status=status,
        title=title,
        detail=detail,
        request_id=g.get("request_id", ""),
        action_url=action_url or next_step[0],
        action_label=action_label or next_step[1],
    )
    return Response(html, status)
