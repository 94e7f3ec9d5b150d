"""Signing up and confirming an address, for people. Opening a link changes nothing: mail scanners open them too."""

from flask import Blueprint, flash, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from webapp import email_links, passwords, registration
from webapp.database import db
from webapp.email_links import Link
from webapp.errors import InvalidCredentials
from webapp.models import EMAIL_LENGTH
from webapp.web import signing_in, typed_addresses
from webapp.web.context import settings
from webapp.web.forms import EmptyForm, PasswordProofForm, RegisterForm, is_accepted
from webapp.web.guard import sign_in_required
from webapp.web.limits import limit_chatter, limit_failed_sign_ins, limit_mails

pages = Blueprint("registration", __name__)


@pages.get("/register")
def register() -> ResponseReturnValue:
    if g.auth is not None:
        return redirect(url_for("account.profile"), 303)
    return _register_page(RegisterForm())


@pages.post("/register")
@limit_mails
def submit_registration() -> ResponseReturnValue:
    form = RegisterForm()
    values = {name: form[name].data or "" for name in ("email", "password", "first_name", "last_name")}
    if not is_accepted(
        form, lambda: registration.register(db.session, settings(), **values, client=g.client, now=g.now)
    ):
        return _register_page(form), 422
    typed_addresses.keep("mailed", values["email"])
    return redirect(url_for("registration.check_your_mail", about="address"), 303)


@pages.get("/check-your-mail")
def check_your_mail() -> ResponseReturnValue:
    is_reset = request.args.get("about") == "password"
    values = {"email": typed_addresses.take("mailed"), "is_development": settings().is_development}
    return render_template("auth/check_your_mail.html", is_reset=is_reset, **values)


@pages.get("/verify/<token>")
def verify(token: str) -> ResponseReturnValue:
    link = _look(token)
    return _verify_page(link, token, EmptyForm() if _is_signed_in_for(link) else PasswordProofForm())


@pages.post("/verify/<token>")
def submit_verification(token: str) -> ResponseReturnValue:
    link = _look(token)
    if not _is_signed_in_for(link):
        return _confirm_with_password(link, token)
    email_links.confirm(db.session, token=token, client=g.client, now=g.now)
    _say_done(link)
    return redirect(url_for("account.profile"), 303)


@limit_failed_sign_ins  # here, since who is signed in guesses at nothing
def _confirm_with_password(link: Link, token: str) -> ResponseReturnValue:
    form = PasswordProofForm()
    if not form.validate():
        return _verify_page(link, token, form), 422
    given = {"token": token, "password": form.password.data, "device": signing_in.device()}
    try:
        found = email_links.confirm_with_password(db.session, settings(), **given, client=g.client, now=g.now)
    except InvalidCredentials as error:
        g.refusal = error
        form.password.errors = ["That is not the password of this account."]
        return _verify_page(link, token, form), 422
    response = signing_in.go_on(found, remember=True, destination=url_for("account.profile"))
    _say_done(link)
    return response


def _look(token: str) -> Link:
    g.next_step = _next_step(token)
    return email_links.look(db.session, token=token, now=g.now)


def _is_signed_in_for(link: Link) -> bool:
    return g.auth is not None and g.auth.user.id == link.user_id


def _verify_page(link: Link, token: str, form: FlaskForm) -> str:
    return render_template("auth/verify.html", form=form, link=link, token=token)


def _say_done(link: Link) -> None:
    # The page that this leads to names it: words wait in a cookie that is not encrypted.
    done = "Your address is changed: sign in with the new one from now on."
    flash(done if link.is_change else "Your address is confirmed.", "success")


@pages.post("/account/resend")
@limit_mails
@sign_in_required
def resend() -> ResponseReturnValue:
    if registration.resend(db.session, user_id=g.auth.user.id, client=g.client, now=g.now):
        flash("We have sent the link to your address once more.", "success")
    elif g.auth.user.email_verified:
        flash("Your address is confirmed already.", "info")
    else:
        flash(
            "An address gets five such mails a day, and then one an hour. "
            "Look among spam for them, or try again in an hour.",
            "info",
        )
    return redirect(url_for("account.profile"), 303)


@pages.post("/password-strength")
@limit_chatter
def strength() -> ResponseReturnValue:
    """How easily a new password is guessed, while it is typed; judged where it will be judged in the end."""
    own_words = [word[:EMAIL_LENGTH] for word in request.form.getlist("own")[:5]]
    if g.auth is not None:
        own_words += [g.auth.user.email, g.auth.user.first_name, g.auth.user.last_name]
    password = request.form.get("password", "")
    rating = passwords.rate(password, own_words=own_words)
    if password and (reason := passwords.too_short(password, minimum=settings().password_min_length)):
        return jsonify(score=min(rating.score, passwords.ACCEPTED_SCORE - 1), reason=reason)
    return jsonify(score=rating.score, reason=rating.reason)


def _register_page(form: RegisterForm) -> str:
    return render_template("auth/register.html", form=form, minimum=settings().password_min_length)


def _next_step(token: str) -> tuple[str, str]:
    """Return where to go, and what to do there, if the link does not work any more."""
    past = email_links.past_of(db.session, token=token)
    if past is not None and past.is_change and not past.is_confirmed:
        label = "Go to Security and change the address again" if g.auth else "Sign in and change the address again"
        return url_for("security.overview"), label
    is_confirmed = g.auth.user.email_verified if g.auth else past is None or past.is_confirmed
    if is_confirmed:  # there is no link to be had, or it is not known any more what this one was for
        label = "Look at your account" if g.auth else "Sign in to your account"
    else:
        label = "Have a new link sent" if g.auth else "Sign in and have a new link sent"
    return url_for("account.profile"), label
