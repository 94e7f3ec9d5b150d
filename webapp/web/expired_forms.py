"""Forms whose token counts no more, which were refused already: what the refusal says.

Signing out and in ends the tokens of all other tabs: whoever comes from one of those is led on, as by any page."""

from flask import Response, flash, g, redirect, request, url_for

from webapp.web import cookies
from webapp.web.context import settings
from webapp.web.redirects import own_path, page_of_sent_form

# The paths behind a sign-in, and what is sent to sign in.
BEHIND_SIGN_IN = ("/account", "/admin")
SIGN_INS = ("auth.submit_login", "auth.submit_code")

SIGNED_OUT = "You were signed out in another tab. Sign in to go on."


def lead_on() -> Response | None:
    """Return the way on from the form at hand where its tab is behind the browser; None where there is none."""
    if g.auth is not None:
        return _lead_in() if request.endpoint in SIGN_INS else None
    if request.endpoint == "auth.logout":
        return _lead_to_sign_in("You are signed out.", "success", url_for("auth.login"))
    if request.path.startswith(BEHIND_SIGN_IN):
        return _lead_to_sign_in(g.ended_because or SIGNED_OUT, "info", url_for("auth.login", next=page_of_sent_form()))
    return None


def _lead_in() -> Response:
    flash("You are signed in already.", "info")
    target = own_path(request.form.get("next"), default=url_for("account.profile"))
    response: Response = redirect(target, 303)  # type: ignore[assignment]  # Flask's own class of response
    return response


def _lead_to_sign_in(words: str, category: str, target: str) -> Response:
    flash(words, category)
    response: Response = redirect(target, 303)  # type: ignore[assignment]
    if g.ended_because:  # its cookie is worth nothing any more
        cookies.clear_refresh(settings(), response)
    return response
