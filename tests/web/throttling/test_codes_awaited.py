"""A sign-in that waits for its code: what ends it and what does not, and where it leads then."""

import pytest
import time_machine
from flask import Flask

from tests.support.guessing import browser, give_code, waiting_for_code
from tests.support.second_factor import Phone
from tests.support.steps import MINUTE, attribute, field, sign_in_by_form
from webapp import passwords
from webapp.errors import TooBusy

pytestmark = pytest.mark.usefixtures("clock")


def test_a_thief_who_is_refused_does_not_end_the_owners_sign_in_that_waits(
    app: Flask, phone: Phone, known: str
) -> None:
    """A13, P11: only the thief's own."""
    thief, owner = waiting_for_code(app), waiting_for_code(app, known)
    with thief.session_transaction() as form_session:
        kept = dict(form_session)
    assert [give_code(thief, "000000").status_code for _ in range(6)] == [422] * 5 + [429]
    with thief.session_transaction() as form_session:
        form_session.update(kept)
    assert give_code(thief, phone.code()).location == "/login?next=/account&reason=code_ended"
    assert give_code(owner, phone.code()).location == "/account"


def test_a_wait_for_codes_leads_to_a_new_sign_in_and_on_to_where_the_old_one_led(
    app: Flask, phone: Phone, clock: time_machine.Traveller
) -> None:
    """P11: the sign-in that waited is over, so that its page would take no code."""
    http = browser(app)
    sign_in_by_form(http, next="/account/security")
    refused = [give_code(http, "000000") for _ in range(6)][-1]
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "300")
    assert 'href="/login?next=/account/security">Sign in again' in refused.text
    assert http.get("/login/code").location == "/login"
    clock.shift(5 * MINUTE)
    page = http.get("/login?next=/account/security")
    assert sign_in_by_form(http, next=attribute(field(page, "next"), "value")).location == "/login/code"
    assert give_code(http, phone.code()).location == "/account/security"


def test_a_busy_server_ends_no_sign_in_that_waits(app: Flask, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    http = waiting_for_code(app)

    def refuse(*_: object) -> bool:
        raise TooBusy(retry_after=1)

    with monkeypatch.context() as busy:
        busy.setattr(passwords, "verify_password", refuse)
        assert give_code(http, phone.codes[0]).status_code == 503
    assert give_code(http, phone.codes[0]).location == "/account"
