"""What every door to a sign-in does last: open the session, hand its tokens over, let the browser be known."""

from datetime import datetime

from flask import Response, g, redirect, request, session, url_for

from webapp import known_devices, pending_sign_ins, sign_in
from webapp.authentication import Authenticated
from webapp.config import Transport
from webapp.database import db
from webapp.errors import InvalidFields, MfaRequired
from webapp.known_devices import KnownDevice
from webapp.token_pairs import TokenPair
from webapp.web import cookies
from webapp.web.answers import TokenAnswer, UserAnswer
from webapp.web.context import settings


def device() -> KnownDevice:
    """Return the device that sends the request, as far as its cookie tells."""
    return cookies.read_device(settings(), request)


def stay_known(response: Response, *, forgotten_at: datetime) -> None:
    """Let the browser of the signed-in user, whose account forgot its devices at that instant, be known still.

    A program, which keeps no cookies, is given none."""
    if g.auth.transport == "cookie" or device().nonce:
        now = known_devices.first_after(forgotten_at)
        cookies.set_device(settings(), request, response, user_id=g.auth.user.id, now=now)


# --- programs --------------------------------------------------------------------------------------------


def choose_transport(asked: Transport | None) -> Transport:
    """Return how the session's refresh token will travel: as asked, else by cookie for pages of our own origin."""
    allowed = settings().refresh_token_transports
    if asked is None:
        preferred: Transport = "cookie" if request.headers.get("Sec-Fetch-Site") == "same-origin" else "body"
        return preferred if preferred in allowed else allowed[0]
    if asked not in allowed:
        raise InvalidFields({"transport": [f"This server allows {' and '.join(allowed)} only."]})
    return asked


def answer_sign_in(user_id: int, *, transport: Transport, remember: bool) -> Response:
    """Sign a program's user in, who has just proved who they are."""
    pair = _open(user_id, transport=transport, remember=remember)
    response = answer(pair)
    if transport == "cookie":
        if session:
            session.clear()  # as in lead_in
        cookies.set_device(settings(), request, response, user_id=user_id, now=g.now)
    return response


def answer(pair: TokenPair) -> Response:
    """Shape the token answer: a cookie session's refresh token goes into the cookie and nowhere else."""
    is_cookie = pair.session.transport == "cookie"
    body = TokenAnswer(
        access_token=pair.access_token,
        refresh_token=None if is_cookie else pair.refresh_token,
        expires_in=pair.expires_in,
        user=UserAnswer.model_validate(pair.session.user),
    )
    response = body.respond(without_none=True)
    if is_cookie:
        cookies.set_refresh(settings(), response, pair)
    return response


# --- pages -----------------------------------------------------------------------------------------------

PENDING = "pending_sign_in"  # in the form session: what waits for its code, and where it is to lead


def go_on(found: Authenticated, *, remember: bool, destination: str) -> Response:
    """Lead on who has just shown the password on a page: to the code if one is needed, else in."""
    if not found.needs_code:
        return lead_in(found.user_id, remember=remember, destination=destination)
    g.sign_in_outcome = MfaRequired.code
    token = pending_sign_ins.begin(db.session, user_id=found.user_id, client=g.client, now=g.now)
    session[PENDING] = {"token": token, "remember": remember, "next": destination}
    response: Response = redirect(url_for("auth.code"), 303)  # type: ignore[assignment]  # Flask's own class
    return response


def lead_in(user_id: int, *, remember: bool, destination: str) -> Response:
    """Sign a page's user in, who has just proved who they are, and lead them where they were going."""
    pair = _open(user_id, transport="cookie", remember=remember)
    # A new sign-in starts a new form session: nothing that was planted before it stays.
    session.clear()
    response: Response = redirect(destination, 303)  # type: ignore[assignment]  # Flask's own class of response
    cookies.set_refresh(settings(), response, pair)
    cookies.set_device(settings(), request, response, user_id=user_id, now=g.now)
    return response


def _open(user_id: int, *, transport: Transport, remember: bool) -> TokenPair:
    pair = sign_in.complete(
        db.session,
        settings(),
        user_id=user_id,
        transport=transport,
        remember=remember,
        device=device(),
        client=g.client,
        now=g.now,
    )
    g.sign_in_outcome = "success"
    return pair
