"""What a request brings to prove who sends it: a Bearer token, a refresh token in a body, the refresh cookie.

An access token is judged by the guard, a refresh token here. A cookie counts only with proof that our own or an allowed
origin sent it, since a browser attaches it to other people's requests too."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from flask import Response, g, request

from webapp import revocation, sessions, tokens
from webapp.database import db
from webapp.errors import (
    AmbiguousCredentials,
    BadRequest,
    CrossOrigin,
    InvalidToken,
    MissingToken,
    TokenExpired,
    Unauthorized,
    UnsupportedGrantType,
)
from webapp.web import cookies
from webapp.web.bodies import FORM, read_json, read_oauth_form
from webapp.web.context import settings
from webapp.web.schemas import RefreshBody

Claims = TypeVar("Claims", tokens.AccessClaims, tokens.RefreshClaims)


class RefreshCredential(NamedTuple):
    claims: tokens.RefreshClaims
    presented: sessions.Presented


def bearer_token() -> str | None:
    """Return what follows `Bearer` in the Authorization header (RFC 6750 §2.1; schemes ignore case), or None."""
    scheme, _, token = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else None


def verified(verify: Callable[..., Claims], token: str) -> Claims:
    """Return what `verify`, one of tokens.py, makes of a token; of one that has expired its session may have, too."""
    try:
        return verify(settings(), token, now=g.now)
    except TokenExpired:
        claims = verify(settings(), token, now=g.now, allow_expired=True)
        revocation.note_expired(db.session, sid=claims.sid, client=g.client, now=g.now)
        raise


# --- refreshing ------------------------------------------------------------------------------------------


def refresh_credential() -> RefreshCredential:
    """Return the one refresh token of the request: from the cookie, as Bearer, or in a JSON or form body. An access
    token of the same session beside it says nothing: many clients put theirs on every call.

    Raises MissingToken, InvalidToken, AmbiguousCredentials if there are two of different sessions, and CrossOrigin if
    a cookie alone came without proof of its origin."""
    in_body, bearer = _token_in_body(), bearer_token()
    sids = _sid_of_access(bearer)
    sent: list[tuple[str | None, sessions.Presented]] = [(in_body, "body"), (None if sids else bearer, "bearer")]
    found = [
        RefreshCredential(verified(tokens.verify_refresh, token), presented)
        for token, presented in sent
        if token is not None
    ]
    if not found:
        found = [_credential_of_cookie(otherwise=InvalidToken if sids else MissingToken)]
    sids |= {credential.claims.sid for credential in found}
    # Another program on the same host may have left a cookie of this name: one that is not ours says nothing.
    sids |= {sid for sid, _ in sessions_of_cookie()}
    if len(sids) > 1:
        raise AmbiguousCredentials
    return found[0]


def _credential_of_cookie(*, otherwise: type[Unauthorized]) -> RefreshCredential:
    """Return the cookie's token, or raise `otherwise` if there is no cookie."""
    cookie = cookies.read_refresh(settings(), request)
    if cookie is None:
        raise otherwise
    require_own_origin()
    g.is_cookie_credential = True
    return RefreshCredential(verified(tokens.verify_refresh, cookie), "cookie")


def _sid_of_access(bearer: str | None) -> set[str]:
    """Return the session of an access token that came as Bearer, expired or not; nothing if it is none of ours."""
    try:
        return {tokens.verify_access(settings(), bearer or "", now=g.now, allow_expired=True).sid}
    except InvalidToken:
        return set()


def _token_in_body() -> str | None:
    return _token_in_form() if request.mimetype == FORM and request.get_data() else _token_in_json()


def _token_in_json() -> str | None:
    """Return the refresh token of a JSON body; an empty body has none, whatever its type is said to be."""
    return read_json(RefreshBody).refresh_token if request.get_data() else None


def _token_in_form() -> str | None:
    """Return the token of an OAuth refresh request (RFC 6749 §6)."""
    form = read_oauth_form()
    if "grant_type" not in form:
        raise BadRequest("grant_type is missing.")
    if form["grant_type"] != "refresh_token":
        raise UnsupportedGrantType
    return form.get("refresh_token")


# --- where a request comes from ----------------------------------------------------------------------------


def is_own_origin() -> bool:
    """Whether a browser vouches that our own or an allowed origin sent the request."""
    origin = request.headers.get("Origin", "")
    return request.headers.get("Sec-Fetch-Site") == "same-origin" or settings().allows_origin(origin)


def require_own_origin() -> None:
    """Raise CrossOrigin for a request whose cookie may have been attached to somebody else's page's request."""
    if not is_own_origin():
        raise CrossOrigin


def refuse_foreign_origin() -> None:
    """Raise CrossOrigin if a browser says that a foreign origin sent the request; programs say nothing."""
    if "Origin" in request.headers or _is_of_other_site():
        require_own_origin()


def refuse_foreign_form() -> None:
    """Raise CrossOrigin if a browser says that anybody else's page sent one of our forms: an allowed origin may call
    the API, and do nothing on the pages.

    From a page that sends no Referer (the links of mails) older browsers say Origin: null and no more; then the form's
    token alone decides."""
    origin = request.headers.get("Origin", "null")
    is_own = request.headers.get("Sec-Fetch-Site") == "same-origin" or origin == settings().base_url
    if not is_own and (origin != "null" or _is_of_other_site()):
        raise CrossOrigin("Another site sent this form, so nothing was done. If you meant it, do it on our own page.")


def _is_of_other_site() -> bool:
    return request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")


# --- signing out -------------------------------------------------------------------------------------------


def sessions_to_end() -> set[tuple[str, int]]:
    """Return (sid, user id) of every session that the request proves to be its own; signing out takes expired tokens.

    Raises InvalidToken if tokens were sent and none is ours, and CrossOrigin as `refresh_credential` does. A request
    without any is no error: there is nothing left to end."""
    explicit = [token for token in (bearer_token(), _token_in_json()) if token is not None]
    cookie = cookies.read_refresh(settings(), request)
    found = _sessions_of(explicit)
    if cookie is not None and is_own_origin():
        found |= sessions_of_cookie()
    elif cookie is not None and not explicit:
        raise CrossOrigin
    if explicit and not found:
        raise InvalidToken
    return found


def sessions_of_cookie() -> set[tuple[str, int]]:
    """Return (sid, user id) of the cookie's session, live or not, or nothing if it names none."""
    cookie = cookies.read_refresh(settings(), request)
    return _sessions_of([cookie]) if cookie is not None else set()


def clear_dead_cookie(response: Response, ended: set[tuple[str, int]]) -> None:
    """Take the refresh cookie away if it names a session that was just ended, or none at all; not another's."""
    if cookies.read_refresh(settings(), request) and sessions_of_cookie() <= ended:
        cookies.clear_refresh(settings(), response)


def _sessions_of(presented: list[str]) -> set[tuple[str, int]]:
    found = set()
    for token in presented:
        for verify in (tokens.verify_access, tokens.verify_refresh):
            try:
                claims = verify(settings(), token, now=g.now, allow_expired=True)
            except InvalidToken:
                continue
            found.add((claims.sid, claims.user_id))
    return found
