"""Who is asking: the access token of an API call, the cookie of a page.

Each door takes its own credential and no other. The guard leaves `g.auth` (the live session) and, for an access token
near its end, `g.renewal`, which the hook turns into `X-New-Token`."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Flask, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp import administration, sessions, tokens
from webapp.database import db
from webapp.errors import InvalidToken, MissingToken, NotAdministrator, ReauthenticationRequired, SessionEnded
from webapp.web import cookies
from webapp.web.context import settings, this_g
from webapp.web.credentials import bearer_token, refuse_foreign_form, verified
from webapp.web.problems import is_for_program
from webapp.web.redirects import asked_page, page_of_sent_form

P = ParamSpec("P")

ENDED = "Your session has ended. Sign in to go on."
ENDED_BECAUSE = {
    "password_changed": "Your password was changed on another of your devices. Sign in with the new one.",
    "password_reset": "Your password was set anew. Sign in with the new one.",
    "second_factor_added": "Two-step sign-in was turned on. Sign in with a code.",
    "disowned": "You said that a sign-in was not you. That signed out every device. Sign in to go on.",
    "email_change_undone": "The change of your address was undone. Sign in to go on.",
    "signed_out": "You signed out. Sign in to go on.",
    "ended_by_user": "You were signed out from another of your devices. Sign in to go on.",
    "ended_by_operator": "An administrator ended your session. Sign in to go on.",
    "deactivated": "Your account was deactivated. An administrator can activate it again.",
    "reuse": "You were signed out because an old key of this session was used again. "
    "Sign in to go on. If you did not do that, change your password.",
}


# --- access tokens: the API ----------------------------------------------------------------------------


def access_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let a view run for a valid access token of a live session only."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        token = bearer_token()
        if token is None:
            raise MissingToken
        options, notes, claims = settings(), this_g(), verified(tokens.verify_access, token)
        notes.auth = session = sessions.read(db.session, options, claims, client=notes.client, now=notes.now)
        notes.renewal = sessions.due_renewal(options, session, claims, now=notes.now)
        return view(*args, **kwargs)

    return guarded


def administrator_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let a page be seen by an administrator only, by what the row says at this request."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not g.auth.user.is_admin:
            if request.method == "POST":
                administration.note_refused(db.session, actor_id=g.auth.user.id, client=g.client, now=g.now)
            raise NotAdministrator
        return view(*args, **kwargs)

    return sign_in_required(guarded)


def fresh_sign_in_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let a risky view run only for 15 minutes after a sign-in or the password. Stands below the door's own guard."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        require_fresh_sign_in()
        return view(*args, **kwargs)

    return guarded


def require_fresh_sign_in() -> None:
    """Raise ReauthenticationRequired if the sign-in is older than 15 minutes. A 403 for programs, which go on after
    `POST /api/me/reauthenticate`; people are asked for their password and led back (to a download's link)."""
    if not g.auth.is_fresh(g.now):
        raise ReauthenticationRequired


def withhold_renewal() -> None:
    """Hand out no new access token with this answer: the view has ended the session, or opts out."""
    g.renewal = None


# --- the cookie: pages -----------------------------------------------------------------------------------


def init_app(app: Flask) -> None:
    app.before_request(_refuse_foreign_forms)
    app.before_request(_load_viewer)


def _refuse_foreign_forms() -> None:
    """Refuse a form that a browser says another origin sent, before its CSRF token is even looked at."""
    if request.method == "POST" and not is_for_program():
        refuse_foreign_form()


def _load_viewer() -> None:
    """Put the session of a page's cookie into `g.auth`, or None there and why it ended into `g.ended_because`."""
    notes = this_g()
    notes.auth = notes.ended_because = None
    if is_for_program() or request.path.startswith("/static/"):
        return
    cookie = cookies.read_refresh(settings(), request)
    if cookie is None:
        return
    try:
        claims = verified(tokens.verify_refresh, cookie)
        g.auth = sessions.read_for_page(db.session, claims, client=g.client, now=g.now)
    except SessionEnded as error:
        g.ended_because = ENDED_BECAUSE.get(error.reason or "", ENDED)
    except InvalidToken:
        g.ended_because = ENDED


def sign_in_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let a page be seen by a signed-in user only; others are led to the sign-in page and back, as is whose session is
    ended while the page is at work."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if g.auth is not None:
            try:
                return view(*args, **kwargs)
            except SessionEnded as error:
                g.ended_because = ENDED_BECAUSE.get(error.reason or "", ENDED)
        flash(g.ended_because or "Sign in to go on.", "info")
        target = asked_page() if request.method == "GET" else page_of_sent_form()
        response = redirect(url_for("auth.login", next=target), 303)
        if g.ended_because:
            cookies.clear_refresh(settings(), response)
        return response

    return guarded
