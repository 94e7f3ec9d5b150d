"""Who is asking: the access token of an API call, the refresh token of a refresh, the cookie of a page.

Each door takes its own credential and no other. The guard leaves `g.auth` (the live session) and, for an access token
near its end, `g.renewal`, which the hook turns into `X-New-Token`."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import NamedTuple, ParamSpec

from flask import Flask, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp import sessions, tokens
from webapp.database import db
from webapp.errors import (
    AmbiguousCredentials,
    BadRequest,
    CrossOrigin,
    InvalidToken,
    MissingToken,
    SessionEnded,
    UnsupportedGrantType,
)
from webapp.web import cookies
from webapp.web.bodies import read_json
from webapp.web.context import settings
from webapp.web.problems import is_for_program
from webapp.web.schemas import RefreshBody

P = ParamSpec("P")
FORM = "application/x-www-form-urlencoded"

ENDED_BECAUSE = {
    "signed_out": "You signed out.",
    "ended_by_user": "You were signed out from another of your devices.",
    "ended_by_operator": "An administrator ended your session.",
    "reuse": "You were signed out because an old key of this session was used again. "
    "If you did not do that, change your password.",
}


# --- access tokens: the API ----------------------------------------------------------------------------


def access_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let a view run for a valid access token of a live session only."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        token = _bearer_token()
        if token is None:
            raise MissingToken
        claims = tokens.verify_access(settings(), token, now=g.now)
        g.auth = sessions.read(db.session, settings(), claims, client=g.client, now=g.now)
        g.renewal = sessions.due_renewal(settings(), g.auth, claims, now=g.now)
        return view(*args, **kwargs)

    return guarded


def withhold_renewal() -> None:
    """Hand out no new access token with this answer: the view has ended the session, or opts out."""
    g.renewal = None


def _bearer_token() -> str | None:
    """Return what follows `Bearer` in the Authorization header (RFC 6750 §2.1; schemes ignore case), or None."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else None


# --- refresh tokens: refreshing and signing out ----------------------------------------------------------


class RefreshCredential(NamedTuple):
    claims: tokens.RefreshClaims
    presented: sessions.Presented


def refresh_credential() -> RefreshCredential:
    """Return the one refresh token of the request: from the cookie, as Bearer, or in a JSON or form body.

    Raises MissingToken, InvalidToken, AmbiguousCredentials if there are two of different sessions, and CrossOrigin if
    a cookie came without proof that our own or an allowed origin sent it."""
    sent = _explicit_refresh_tokens()
    cookie = cookies.read_refresh(settings(), request)
    if cookie is not None:
        if not sent:
            require_own_origin()
            g.is_cookie_credential = True
        sent.append((cookie, "cookie"))
    if not sent:
        raise MissingToken
    found = [RefreshCredential(_verify_refresh(token), presented) for token, presented in sent]
    if len({credential.claims.sid for credential in found}) > 1:
        raise AmbiguousCredentials
    return found[0]


def _explicit_refresh_tokens() -> list[tuple[str, sessions.Presented]]:
    sent: list[tuple[str, sessions.Presented]] = []
    in_body = _token_in_form() if request.mimetype == FORM else _token_in_json()
    if in_body is not None:
        sent.append((in_body, "body"))
    bearer = _bearer_token()
    if bearer is not None:
        sent.append((bearer, "bearer"))
    return sent


def _token_in_form() -> str | None:
    """Return the token of an OAuth refresh request (RFC 6749 §6), whose errors then have that form too."""
    g.is_oauth_form = True
    if any(len(values) > 1 for _, values in request.form.lists()):
        raise BadRequest("A parameter was given more than once.")
    if "grant_type" not in request.form:
        raise BadRequest("grant_type is missing.")
    if request.form["grant_type"] != "refresh_token":
        raise UnsupportedGrantType
    return request.form.get("refresh_token")


def _token_in_json() -> str | None:
    return read_json(request, RefreshBody).refresh_token if request.get_data() else None


def _verify_refresh(token: str) -> tokens.RefreshClaims:
    return tokens.verify_refresh(settings(), token, now=g.now)


def require_own_origin() -> None:
    """Raise CrossOrigin unless a browser vouches that our own or an allowed origin sent the request."""
    origin = request.headers.get("Origin", "")
    if request.headers.get("Sec-Fetch-Site") != "same-origin" and not settings().allows_origin(origin):
        raise CrossOrigin


def refuse_foreign_origin() -> None:
    """Raise CrossOrigin if a browser says that a foreign origin sent the request; programs say nothing."""
    if "Origin" in request.headers or request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        require_own_origin()


def sessions_to_end() -> set[tuple[str, int]]:
    """Return (sid, user id) of every session the request may sign out of; a token may have expired for that.

    Raises InvalidToken if what was sent explicitly is no token of ours, and CrossOrigin as `refresh_credential` does;
    a cookie that says nothing is no error."""
    found: set[tuple[str, int]] = set()
    if bearer := _bearer_token():
        found.add(_session_of(bearer))
    if in_body := _token_in_json():
        found.add(_session_of(in_body))
    if cookie := cookies.read_refresh(settings(), request):
        if not found:
            require_own_origin()
        with suppress(InvalidToken):
            found.add(_session_of(cookie))
    return found


def _session_of(token: str) -> tuple[str, int]:
    try:
        access = tokens.verify_access(settings(), token, now=g.now, allow_expired=True)
        return access.sid, access.user_id
    except InvalidToken:
        refresh = tokens.verify_refresh(settings(), token, now=g.now, allow_expired=True)
        return refresh.sid, refresh.user_id


# --- the cookie: pages -----------------------------------------------------------------------------------


def init_app(app: Flask) -> None:
    app.before_request(_load_viewer)


def _load_viewer() -> None:
    """Put the session of a page's cookie into `g.auth`, or None there and why it ended into `g.ended_because`."""
    g.auth = g.ended_because = None
    if is_for_program() or request.path.startswith("/static/"):
        return
    cookie = cookies.read_refresh(settings(), request)
    if cookie is None:
        return
    try:
        g.auth = sessions.read_for_page(db.session, _verify_refresh(cookie), client=g.client, now=g.now)
    except SessionEnded as error:
        g.ended_because = ENDED_BECAUSE.get(error.reason or "", "Your session has ended.")
    except InvalidToken:
        g.ended_because = "Your session has ended."


def sign_in_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let a page be seen by a signed-in user only; others are led to the sign-in page and back."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if g.auth is not None:
            return view(*args, **kwargs)
        flash(f"{g.ended_because or ''} Sign in to go on.".strip(), "info")
        target = request.full_path.rstrip("?") if request.method == "GET" else None
        response = redirect(url_for("auth.login", next=target), 303)
        if g.ended_because:
            cookies.clear_refresh(settings(), response)
        return response

    return guarded
