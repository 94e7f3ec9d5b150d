"""Where one comes back to from a password, or a sign-in, that was asked for first: what was begun is still in hand."""

import re
from urllib.parse import unquote

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support import forge, people
from tests.support.command_line import run
from tests.support.steps import HOUR, attribute, csrf_token, sign_in_by_form
from tests.support.sudo import confirm
from webapp.web.redirects import PAGE_OF_DOWNLOAD

DISPOSITION = "Content-Disposition"

pytestmark = pytest.mark.usefixtures("clock")


def test_filters_of_a_list_outlive_the_password_that_is_asked_for(
    desk: FlaskClient, clock: time_machine.Traveller
) -> None:
    """Else a download of a few would become one of everybody."""
    clock.shift(HOUR)
    asked = desk.get("/admin/users.csv?q=person&state=locked")
    assert unquote(asked.location) == "/account/confirm?next=/admin/users?q=person&state=locked"
    csrf = csrf_token(desk.get("/account/confirm"))
    where = {"Referer": "http://localhost/admin/sessions?user=1", "Sec-Fetch-Site": "same-origin"}
    asked = desk.post("/admin/sessions/end", data={"csrf_token": csrf}, headers=where)
    assert unquote(asked.location) == "/account/confirm?next=/admin/sessions?user=1"


def test_ticks_outlive_the_password_that_is_asked_for(
    app: Flask, desk: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    """Once, and not for who gives none: nobody ends what they have forgotten."""
    sids = [forge.read(people.sign_in(app.test_client()).access)["sid"] for _ in range(3)]
    clock.shift(HOUR)

    def tick(*sids: str) -> str:
        data = {"csrf_token": csrf_token(desk.get("/account")), "sid": [*sids, "x" * 5000], "next": "/admin/sessions"}
        where = {"Referer": "http://localhost/admin/sessions", "Sec-Fetch-Site": "same-origin"}
        return desk.post("/admin/sessions/end", data=data, headers=where).location

    def ticked() -> set[str]:
        tags = re.findall(r'<input type="checkbox"[^>]*>', desk.get("/admin/sessions").text)
        return {attribute(tag, "value") for tag in tags if "checked" in tag.split()}

    tick(sids[0])
    assert ticked() == set()
    assert confirm(desk, tick(*sids[:2])).location == "/admin/sessions"
    assert ticked() == set(sids[:2])
    assert ticked() == set()


@pytest.mark.parametrize(
    ("download", "page"),
    [
        ("/admin/users.csv?q=a%26b", "/admin/users?q=a%26b"),
        ("/admin/sessions.csv?ip=::1", "/admin/sessions?ip=::1"),
        ("/admin/events.csv", "/admin/events"),
        ("/account/data", "/account/security"),
    ],
)
def test_a_download_that_asks_for_the_password_leads_to_the_page_with_its_link(
    desk: FlaskClient, clock: time_machine.Traveller, download: str, page: str
) -> None:
    """A download would leave the page with the password field on the screen, as if nothing had come of it."""
    clock.shift(HOUR)
    back = confirm(desk, desk.get(download).location)
    assert (back.status_code, back.location) == (303, page)
    shown = desk.get(back.location).text
    assert "Now go on with what you were about to do." in shown
    assert f'href="{download}"' in shown
    assert "attachment" in desk.get(download).headers[DISPOSITION]


def test_a_download_that_asks_for_a_sign_in_leads_to_the_page_with_its_link(app: Flask, user_id: int) -> None:
    assert app.test_client().get("/account/data").location == "/login?next=/account/security"
    asked = app.test_client().get("/admin/users.csv?q=person&state=locked")
    assert unquote(asked.location) == "/login?next=/admin/users?q=person&state=locked"


def test_every_download_has_a_page(app: Flask, desk: FlaskClient) -> None:
    plain = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments]
    downloads = {rule.endpoint for rule in plain if "attachment" in desk.get(rule.rule).headers.get(DISPOSITION, "")}
    assert downloads == set(PAGE_OF_DOWNLOAD)


@pytest.mark.parametrize(
    ("sent_to", "page"),
    [("/account/security/password", "/account/security"), ("/account", "/account"), ("/account/resend", "/account")],
)
def test_a_form_whose_session_is_over_leads_back_to_its_page(app: Flask, user_id: int, sent_to: str, page: str) -> None:
    browser = app.test_client()
    sign_in_by_form(browser)
    csrf = csrf_token(browser.get(page))
    run(app, "sessions", "revoke", "--all")
    assert unquote(browser.post(sent_to, data={"csrf_token": csrf}).location) == f"/login?next={page}"
