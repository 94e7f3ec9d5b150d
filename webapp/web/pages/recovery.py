"""Getting an account back, for people: the forgotten password, and the links of mails that say "this was not me"."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp import recovery, remedies
from webapp.database import db
from webapp.errors import InvalidLink, LinkOfOtherAddress
from webapp.remedies import Remedied
from webapp.web import cookies, typed_addresses
from webapp.web.context import settings
from webapp.web.forms import EmailForm, EmptyForm, ResetForm, is_accepted
from webapp.web.limits import limit_mails

pages = Blueprint("recovery", __name__)


@pages.get("/forgot")
def forgot() -> ResponseReturnValue:
    return render_template("auth/forgot.html", form=EmailForm(data={"email": g.auth.user.email if g.auth else ""}))


@pages.post("/forgot")
@limit_mails
def submit_forgot() -> ResponseReturnValue:
    form = EmailForm()
    if not form.validate():
        return render_template("auth/forgot.html", form=form), 422
    recovery.forgot(db.session, email=form.email.data, client=g.client, now=g.now)
    typed_addresses.keep("mailed", form.email.data)
    return redirect(url_for("registration.check_your_mail", about="password"), 303)


@pages.get("/reset/<token>")
def reset(token: str) -> ResponseReturnValue:
    return _reset_page(token, ResetForm())


@pages.post("/reset/<token>")
def submit_reset(token: str) -> ResponseReturnValue:
    _offer_new_link()
    form = ResetForm()
    email, _ = recovery.owner_of_reset(db.session, token=token, now=g.now)
    given = {"token": token, "password": form.password.data, "remove_passkeys": form.remove_passkeys.data}
    if not is_accepted(form, lambda: recovery.reset(db.session, settings(), **given, client=g.client, now=g.now)):
        return _reset_page(token, form), 422
    flash("Your new password is set, and every device is signed out. Sign in with it.", "success")
    response = redirect(url_for("auth.login"), 303)
    if g.auth is None or g.auth.user.email == email:  # somebody else, who is signed in here, stays so
        cookies.clear_refresh(settings(), response)
    return response


def _reset_page(token: str, form: ResetForm) -> str:
    _offer_new_link()
    email, passkeys = recovery.owner_of_reset(db.session, token=token, now=g.now)
    values = {"email": email, "passkeys": passkeys, "token": token, "minimum": settings().password_min_length}
    return render_template("auth/reset.html", form=form, **values)


def _offer_new_link() -> None:
    g.next_step = (url_for("recovery.forgot"), "Have a new link sent")


# --- it was somebody else --------------------------------------------------------------------------------

# What there is instead of another link, which nobody can have sent.
_NOT_ME_IS_DEAD: Final = (
    "It works once, for seven days. If that sign-in was not you, set a new password: that signs out every device."
)
_NOT_ME_HAS_MOVED: Final = (
    "The account has another address since. If you did not change it, use the link in the mail about the change: it "
    "undoes that and signs out every device. If you did, change your password: that signs out every other device."
)
_UNDO_IS_DEAD: Final = (
    "It works once, for seven days, and there is no other that undoes the change. If it has given your account this "
    "address back, sign in, or set a new password from there. If not, an administrator of this site can help."
)


@pages.get("/not-me/<token>")
def not_me(token: str) -> ResponseReturnValue:
    with _way_out_of_not_me():
        found = remedies.look_at_sign_in(db.session, token=token, now=g.now)
    return render_template("auth/not_me.html", form=EmptyForm(), token=token, **found._asdict())


@pages.post("/not-me/<token>")
def submit_not_me(token: str) -> ResponseReturnValue:
    with _way_out_of_not_me():
        remedied = remedies.disown(db.session, token=token, client=g.client, now=g.now)
    if remedied is None:  # a new password was set while the page was open, which says so now
        return redirect(url_for("recovery.not_me", token=token), 303)
    return _lead_to_reset(remedied, "Every device is signed out.")


@contextmanager
def _way_out_of_not_me() -> Iterator[None]:
    try:
        yield
    except LinkOfOtherAddress:
        raise InvalidLink(_NOT_ME_HAS_MOVED) from None
    except InvalidLink:
        g.next_step = (url_for("recovery.forgot"), "Set a new password")
        raise InvalidLink(_NOT_ME_IS_DEAD) from None


@pages.get("/undo/<token>")
def undo(token: str) -> ResponseReturnValue:
    with _way_out_of_undo():
        email = remedies.look_at_email_change(db.session, token=token, now=g.now)
    return render_template("auth/undo.html", form=EmptyForm(), token=token, email=email)


@pages.post("/undo/<token>")
def submit_undo(token: str) -> ResponseReturnValue:
    with _way_out_of_undo():
        remedied = remedies.undo_email_change(db.session, token=token, client=g.client, now=g.now)
    return _lead_to_reset(remedied, "Your account has its old address back, and every device is signed out.")


@contextmanager
def _way_out_of_undo() -> Iterator[None]:
    try:
        yield
    except InvalidLink:
        g.next_step = (url_for("auth.login"), "Sign in")
        raise InvalidLink(_UNDO_IS_DEAD) from None


def _lead_to_reset(remedied: Remedied, what: str) -> ResponseReturnValue:
    also = f"Taken away, because it was added since: {', '.join(remedied.taken_away)}." if remedied.taken_away else ""
    flash(
        " ".join([what, *([also] if also else []), "Set a new password now: whoever it was knew the old one."]),
        "success",
    )
    response = redirect(url_for("recovery.reset", token=remedied.reset_token), 303)
    if g.auth is not None and g.auth.user.id == remedied.user_id:  # somebody else, who is signed in here, stays so
        cookies.clear_refresh(settings(), response)
    return response
