"""The account's security, for people: password, address, second factor, passkeys, data, and the end of the account."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from webapp import (
    account_deletion,
    accounts,
    administrators,
    audit,
    email_change,
    passkeys,
    personal_data,
    reauthentication,
    recovery_codes,
)
from webapp.database import db
from webapp.models import PASSKEY_NAME_LENGTH
from webapp.web import cookies, json_answers, signing_in, typed_addresses
from webapp.web.context import settings
from webapp.web.forms import EmailChangeForm, PasswordChangeForm, PasswordProofForm, is_accepted
from webapp.web.guard import fresh_sign_in_required, sign_in_required
from webapp.web.limits import limit_mails
from webapp.web.redirects import lead_back_to_security, own_path

pages = Blueprint("security", __name__, url_prefix="/account")


@pages.get("/security")
@sign_in_required
def overview() -> ResponseReturnValue:
    if request.args.get("added") == "passkey":
        return _say_passkey_is_added()
    if address := typed_addresses.take("asked_for"):
        flash(f"We have sent a link to {address}. Until it is opened, your old address stays.", "success")
    return _overview(PasswordChangeForm(), EmailChangeForm())


def _say_passkey_is_added() -> ResponseReturnValue:
    """The script adds it by the API, which says nothing to pages. Somebody else's link here must not say it."""
    own = passkeys.list_passkeys(db.session, user_id=g.auth.user.id)
    if any(g.now - passkey.created_at < audit.JUST_NOW for passkey in own):
        flash("The passkey is added. You can sign in with it.", "success")
    return redirect(url_for("security.overview"), 303)


@pages.post("/security/password")
@sign_in_required
def change_password() -> ResponseReturnValue:
    lead_back_to_security()
    form = PasswordChangeForm()
    given = {"current_password": form.current_password.data, "new_password": form.new_password.data}
    changed = list[datetime]()
    if not is_accepted(
        form, lambda: changed.append(accounts.change_password(db.session, settings(), **given, **_who()))
    ):
        return _overview(form, EmailChangeForm(formdata=None)), 422
    flash("Your password is changed. Your other devices are signed out; this one stays signed in.", "success")
    response: Response = redirect(url_for("security.overview"), 303)  # type: ignore[assignment]  # Flask's own class
    signing_in.stay_known(response, forgotten_at=changed[0])
    return response


@pages.post("/security/email")
@limit_mails
@sign_in_required
def change_email() -> ResponseReturnValue:
    lead_back_to_security()
    form = EmailChangeForm()
    given = {"email": form.email.data, "password": form.password.data}
    asked = list[str | None]()
    if not is_accepted(form, lambda: asked.append(email_change.ask(db.session, settings(), **given, **_who()))):
        return _overview(PasswordChangeForm(formdata=None), form), 422
    if asked[0] is not None:
        typed_addresses.keep("asked_for", asked[0])
    else:
        flash(
            "That address was sent five such mails in a day, and gets one an hour now. "
            "Look among spam for them, or try again in an hour.",
            "info",
        )
    return redirect(url_for("security.overview"), 303)


def _overview(password_form: PasswordChangeForm, email_form: EmailChangeForm) -> str:
    user_id = g.auth.user.id
    return render_template(
        "account/security.html",
        password_form=password_form,
        email_form=email_form,
        asked_for=email_change.asked_for(db.session, user_id=user_id, now=g.now),
        form=email_form if email_form.errors else password_form,
        minimum=settings().password_min_length,
        codes_left=recovery_codes.count(db.session, user_id=user_id),
        passkeys=passkeys.list_passkeys(db.session, user_id=user_id),
        passkey_name_length=PASSKEY_NAME_LENGTH,
    )


def _who() -> dict[str, Any]:
    """Return what use cases want to know of who acts, and when."""
    return {"user_id": g.auth.user.id, "sid": g.auth.sid, "client": g.client, "now": g.now}


# --- proving again who one is ----------------------------------------------------------------------------


@pages.get("/confirm")
@sign_in_required
def confirm() -> ResponseReturnValue:
    target = request.args.get("next", "")
    if g.auth.is_fresh(g.now):  # by a sign-in, say, that has led here
        return _lead_on(target)
    return render_template("account/confirm.html", form=PasswordProofForm(data={"next": target}))


@pages.post("/confirm")
@sign_in_required
def submit_confirmation() -> ResponseReturnValue:
    form = PasswordProofForm()
    password = form.password.data
    if not is_accepted(
        form, lambda: reauthentication.reauthenticate(db.session, settings(), password=password, **_who())
    ):
        return render_template("account/confirm.html", form=form), 422
    flash("Thank you. Now go on with what you were about to do.", "success")
    return _lead_on(form.next.data)


def _lead_on(target: str | None) -> ResponseReturnValue:
    return redirect(own_path(target, default=url_for("account.profile")), 303)


# --- data, and the end -----------------------------------------------------------------------------------


@pages.get("/data")
@sign_in_required
@fresh_sign_in_required
def data() -> ResponseReturnValue:
    lead_back_to_security()
    who = {"user_id": g.auth.user.id, "client": g.client, "now": g.now}
    response = json_answers.answer(*personal_data.export(db.session, settings(), **who), indent=2)
    response.headers["Content-Disposition"] = f'attachment; filename="evergreen-{g.now:%Y-%m-%d}.json"'
    return response


@pages.get("/delete")
@sign_in_required
def delete() -> ResponseReturnValue:
    # Only an administrator can be the last one: others need not be looked for.
    is_last = g.auth.user.is_admin and administrators.is_last(db.session, user_id=g.auth.user.id)
    return render_template("account/delete.html", form=PasswordProofForm(), is_last=is_last)


@pages.post("/delete")
@sign_in_required
def submit_deletion() -> ResponseReturnValue:
    form = PasswordProofForm()
    lead_back_to_security()
    if not is_accepted(
        form, lambda: account_deletion.close(db.session, settings(), password=form.password.data, **_who())
    ):
        return render_template("account/delete.html", form=form), 422
    session.clear()
    flash("Your account is deleted.", "success")
    response = redirect(url_for("home.index"), 303)
    cookies.clear_refresh(settings(), response)
    return response
