"""The second factor, for people: setting it up, its recovery codes, taking it away, and removing passkeys."""

from contextlib import suppress

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import mfa_setup, passkeys, recovery_codes
from webapp.database import db
from webapp.errors import InvalidFields, NotFound, SecondFactorState
from webapp.web.bodies import refuse_repeated_parameters
from webapp.web.context import settings
from webapp.web.forms import CodeForm, PasswordProofForm, is_accepted
from webapp.web.guard import fresh_sign_in_required, sign_in_required
from webapp.web.redirects import lead_back_to_security

pages = Blueprint("second_factor", __name__, url_prefix="/account/security")


@pages.post("/totp/begin")
@sign_in_required
@fresh_sign_in_required
def begin() -> ResponseReturnValue:
    lead_back_to_security()
    mfa_setup.begin(db.session, settings(), user_id=g.auth.user.id, sid=g.auth.sid, now=g.now)
    return redirect(url_for("second_factor.enrol"), 303)


@pages.get("/totp")
@sign_in_required
@fresh_sign_in_required
def enrol() -> ResponseReturnValue:
    with suppress(SecondFactorState):
        return _enrolment_page(CodeForm())
    return redirect(url_for("security.overview"), 303)  # nothing waits: it is on, or to be begun there


@pages.post("/totp")
@sign_in_required
@fresh_sign_in_required
def confirm() -> ResponseReturnValue:
    lead_back_to_security()
    form, codes = CodeForm(), list[str]()
    given = {"user_id": g.auth.user.id, "sid": g.auth.sid, "code": form.code.data, "client": g.client, "now": g.now}
    try:
        if not is_accepted(form, lambda: codes.extend(mfa_setup.confirm(db.session, settings(), **given))):
            return _enrolment_page(form), 422
    except SecondFactorState:
        # A double click, or a reload of the page with the codes: the first of the two has turned it on.
        if not mfa_setup.is_on(db.session, user_id=g.auth.user.id):
            raise
        flash("Two-step sign-in is on. If you did not see your recovery codes, make new ones.", "info")
        return redirect(url_for("security.overview"), 303)
    return render_template("account/recovery_codes.html", codes=codes, made_at=g.now, is_new=True)


def _enrolment_page(form: CodeForm) -> str:
    enrolment = mfa_setup.pending(db.session, settings(), user_id=g.auth.user.id, sid=g.auth.sid, now=g.now)
    if enrolment is None:
        raise SecondFactorState(mfa_setup.NONE_WAITS)
    return render_template("account/totp.html", form=form, enrolment=enrolment)


@pages.post("/recovery-codes")
@sign_in_required
@fresh_sign_in_required
def renew_codes() -> ResponseReturnValue:
    lead_back_to_security()
    codes = recovery_codes.renew(db.session, user_id=g.auth.user.id, sid=g.auth.sid, client=g.client, now=g.now)
    return render_template("account/recovery_codes.html", codes=codes, made_at=g.now, is_new=False)


@pages.get("/totp/remove")
@sign_in_required
def remove() -> ResponseReturnValue:
    return render_template("account/totp_remove.html", form=PasswordProofForm())


@pages.post("/totp/remove")
@sign_in_required
def submit_removal() -> ResponseReturnValue:
    lead_back_to_security()
    form = PasswordProofForm()
    who = {"user_id": g.auth.user.id, "sid": g.auth.sid, "client": g.client, "now": g.now}
    with suppress(SecondFactorState):  # a double click: the first of the two has turned it off
        if not is_accepted(form, lambda: mfa_setup.remove(db.session, settings(), password=form.password.data, **who)):
            return render_template("account/totp_remove.html", form=form), 422
    flash("Two-step sign-in is off.", "success")
    return redirect(url_for("security.overview"), 303)


# --- passkeys: adding one needs JavaScript (api/passkeys.py), the rest does not --------------------------


@pages.post("/passkeys/<row_id:passkey_id>/rename")
@sign_in_required
def rename_passkey(passkey_id: int) -> ResponseReturnValue:
    lead_back_to_security()
    refuse_repeated_parameters()
    name = request.form.get("name", "")
    who = {"user_id": g.auth.user.id, "sid": g.auth.sid, "client": g.client, "now": g.now}
    try:
        passkeys.rename(db.session, passkey_id=passkey_id, name=name, **who)
    except InvalidFields as error:
        flash(" ".join(error.errors["name"]), "warning")
    else:
        flash("The passkey has its new name.", "success")
    return redirect(url_for("security.overview"), 303)


@pages.post("/passkeys/<row_id:passkey_id>/remove")
@sign_in_required
@fresh_sign_in_required
def remove_passkey(passkey_id: int) -> ResponseReturnValue:
    lead_back_to_security()
    who = {"user_id": g.auth.user.id, "sid": g.auth.sid, "client": g.client, "now": g.now}
    try:
        passkeys.remove(db.session, passkey_id=passkey_id, **who)
    except NotFound:  # a double click: the first of the two has removed it
        flash("That passkey was removed already.", "info")
    else:
        flash("The passkey is removed. It does not sign you in any more.", "success")
    return redirect(url_for("security.overview"), 303)
