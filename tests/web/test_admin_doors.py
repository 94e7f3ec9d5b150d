"""Who may open the administrators' desk, by which path, and how long after signing in."""

from urllib.parse import unquote, urlsplit

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.support import people
from tests.support.desk import DOWNLOADS, LISTS, user
from tests.support.steps import csrf_token, sign_in_by_form
from webapp.database import db
from webapp.models import AuditEvent, User
from webapp.web.admin_acts import ACTS

pytestmark = pytest.mark.usefixtures("clock")


def admin_paths(app: Flask, user_id: int) -> list[tuple[str, str]]:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/admin")]
    paths = [(rule, rule.rule.replace("<row_id:user_id>", str(user_id)).replace("<act>", "demote")) for rule in rules]
    return [(method, path) for rule, path in paths for method in (rule.methods or set()) & {"GET", "POST"}]


def test_no_page_of_the_desk_opens_for_a_user(app: Flask, user_id: int) -> None:
    """Z01, Z06: every route, every method; nothing is changed, nothing is shown."""
    http = app.test_client()
    sign_in_by_form(http)
    token = csrf_token(http.get("/account"))
    paths = admin_paths(app, user_id)
    assert len(paths) >= 11
    for method, path in paths:
        reply = http.open(path, method=method, data={"csrf_token": token} if method == "POST" else None)
        assert (reply.status_code, "This page is for administrators" in reply.text) == (403, True), (method, path)
        assert "Your account may not open it." in reply.text
    assert 'href="/admin"' not in http.get("/account").text
    with app.app_context():  # Z09: forms that they were never shown; looking is free, and cannot fill the table
        refused = select(AuditEvent).where(AuditEvent.kind == "administration_refused").order_by(AuditEvent.id)
        events = list(db.session.scalars(refused))
    assert len(events) == sum(method == "POST" for method, _ in paths) > 1
    assert {event.actor_id for event in events} == {user_id}
    assert "POST /admin/sessions/end" in [event.detail["form"] for event in events]


@pytest.mark.parametrize(
    "path",
    ["//admin", "/admin/..;/", "/%61dmin/", "/admin/", "/ADMIN", "/admin%2fusers", "/admin;x", "/account/../admin"],
)
@pytest.mark.parametrize("headers", [{}, {"X-Original-URL": "/admin"}, {"X-Rewrite-URL": "/admin"}])
def test_no_trick_with_the_path_opens_it(app: Flask, user_id: int, path: str, headers: dict[str, str]) -> None:
    """Z08."""
    http = app.test_client()
    sign_in_by_form(http)
    reply = http.get("/", headers=headers, environ_overrides={"PATH_INFO": unquote(path)})
    if reply.status_code == 308:
        reply = http.get(urlsplit(reply.location).path, headers=headers)
    assert reply.status_code in (403, 404)


def test_an_administrator_who_is_demoted_is_refused_at_the_next_request(app: Flask, desk: FlaskClient) -> None:
    """V06: the row says, not the token."""
    assert desk.get("/admin").status_code == 200
    with app.app_context():
        db.session.execute(update(User).values(is_admin=False))
        db.session.commit()
    assert desk.get("/admin").status_code == 403


def test_what_changes_or_takes_away_asks_for_a_fresh_sign_in(
    app: Flask, desk: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    """Z06: looking stays open."""
    token = csrf_token(desk.get("/admin/sessions"))
    clock.shift(15 * 60)
    risky = [("POST", "/admin/sessions/end"), *(("GET", path) for path in DOWNLOADS)]
    risky += [(method, f"/admin/users/{user_id}/{act}") for method in ("GET", "POST") for act in ACTS]
    for method, path in risky:
        reply = desk.open(path, method=method, data={"csrf_token": token} if method == "POST" else None)
        assert (reply.status_code, reply.location.partition("?")[0]) == (303, "/account/confirm"), (method, path)
    assert user(app, user_id).is_active
    for path in ("/admin", *LISTS, f"/admin/users/{user_id}"):
        assert desk.get(path).status_code == 200


def test_no_form_of_the_desk_goes_without_its_token(app: Flask, desk: FlaskClient, user_id: int) -> None:
    """C04."""
    for path in ("/admin/sessions/end", *(f"/admin/users/{user_id}/{act}" for act in ACTS)):
        assert desk.post(path, data={"address": people.EMAIL}).status_code == 400
    assert user(app, user_id).is_active
