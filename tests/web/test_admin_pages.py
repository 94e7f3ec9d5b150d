"""What the desk's pages show: numbers and alarms, no secret, and what people have written as text."""

import html
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.support import people
from tests.support.desk import ADMIN, DOWNLOADS, LISTS
from tests.support.steps import DAY, HOUR, START, refresh, sign_in_by_form
from webapp import audit
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import SessionRefresh, User

pytestmark = pytest.mark.usefixtures("clock")


def test_the_overview_counts_what_has_happened(
    app: Flask, desk: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    clock.shift(-3 * DAY)
    people.sign_in(app.test_client())
    clock.shift(3 * DAY)
    session = people.sign_in(app.test_client())
    for _ in range(2):
        app.test_client().post("/api/login", json={"email": people.EMAIL, "password": "wrong"})
    with app.app_context():
        audit.record(db.session, audit.Kind.CODE_FAILED, client=audit.Client(), now=utc_now(), user_id=user_id)
        db.session.commit()
    late = refresh(session.http, session.refresh or "").json
    assert late
    people.sign_in(app.test_client())
    page = desk.get("/admin").text
    numbers = {
        name.strip(): number for number, name in re.findall(r'figure-number">([\d,]+)</span>\s*([^<]*?)</a>', page)
    }
    assert numbers == {
        "Users": "2",
        "Active sessions": "4",
        "Sign-ins in 24 hours": "3",
        "Failed sign-ins in 24 hours": "2",
        "Wrong codes in 24 hours": "1",
        "Reuse alarms in 24 hours": "0",
    }
    since = [link for link in re.findall(r'href="([^"]*)"', page) if "since=" in link]
    assert since == [
        f"/admin/events?kind={kind}&amp;since=2026-06-30"
        for kind in ("sign_in", "sign_in_failed", "code_failed", "refresh_reuse")
    ]
    rows = re.findall(r'<time datetime="(2026-[\d-]+)">[^<]*</time>\s*</th>((?:\s*<td class="number">\d+</td>)+)', page)
    counts = [(day, [int(number) for number in re.findall(r">(\d+)<", cells)]) for day, cells in rows]
    assert len(counts) == 28
    sign_ins, refreshes = dict(counts[:14]), dict(counts[14:])
    assert (sign_ins["2026-07-01"], sign_ins["2026-06-28"], sum(map(sum, sign_ins.values()))) == ([3, 3], [1, 0], 7)
    assert (refreshes["2026-07-01"], sum(map(sum, refreshes.values()))) == ([0, 1], 1)
    assert next(iter(sign_ins)) == "2026-06-18"


def test_the_overview_says_that_its_lists_go_further_back_than_its_figures(
    app: Flask, desk: FlaskClient, clock: time_machine.Traveller
) -> None:
    """One failure 30 hours ago is in the list of 24 hours, and not in the figure."""
    clock.shift(-30 * HOUR)
    app.test_client().post("/api/login", json={"email": people.EMAIL, "password": "wrong"})
    clock.shift(30 * HOUR)
    page = desk.get("/admin").text
    assert re.search(r'figure-number">0</span>\s*Failed sign-ins in 24 hours', page)
    assert "the lists behind the 24 hours hold all of yesterday" in page
    assert people.EMAIL in desk.get("/admin/events?kind=sign_in_failed&since=2026-06-30").text


def test_of_whom_no_session_is_kept_it_is_not_said_that_they_never_came(
    app: Flask, desk: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    """Sessions are purged a month after the sign-in, and the log may go back further."""
    people.sign_in(app.test_client())
    clock.shift(31 * DAY)
    assert app.test_cli_runner().invoke(args=["sessions", "purge"]).exit_code == 0
    sign_in_by_form(desk, email=ADMIN)
    page = desk.get(f"/admin/users?q={people.EMAIL}").text
    assert re.search(r'data-label="Last seen">\s*Not lately\s*</td>', page)


def test_who_ends_sessions_on_a_later_page_of_the_list_comes_back_to_it(
    app: Flask, desk: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    for _ in range(30):
        clock.shift(1)
        people.sign_in(app.test_client())
    link = re.search(r'rel="next"\s+href="([^"]*)"', desk.get(f"/admin/sessions?user={user_id}").text)
    assert link
    here, page = html.unescape(link[1]), desk.get(html.unescape(link[1])).text
    fields = dict(re.findall(r'<input type="hidden"\s+name="(\w+)"\s+value="([^"]*)"', page))
    fields["next"] = html.unescape(fields["next"])
    sid = re.findall(r'name="sid"\s+value="([^"]*)"', page)[0]
    ended = desk.post("/admin/sessions/end", data={**fields, "sid": sid})
    assert sorted(parse_qsl(urlsplit(ended.location).query)) == sorted(parse_qsl(urlsplit(here).query))
    assert "Ended 1 session." in desk.get(ended.location).text


def test_an_alarm_stands_on_the_overview_and_on_the_life_of_its_session(
    app: Flask, desk: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    session = people.sign_in(app.test_client())
    token = session.refresh or ""
    for _ in range(3):
        clock.shift(61)
        token = refresh(session.http, token).json["refresh_token"]
    clock.shift(61)
    assert refresh(session.http, session.refresh or "").status_code == 401
    overview, page = desk.get("/admin").text, desk.get(f"/admin/users/{user_id}").text
    assert "figure-alarm" in overview
    assert people.EMAIL in overview.partition("Reuse alarms</h2>")[2].partition("</section>")[0]
    assert (page.count('class="dot-manual"'), page.count('class="dot-reuse"')) == (3, 1)
    assert "3 times given new tokens, and reuse of an old one." in page
    with app.app_context():
        rows = db.session.scalars(select(SessionRefresh).order_by(SessionRefresh.id)).all()
    assert [(row.method, row.generation) for row in rows] == [("manual", 1), ("manual", 2), ("manual", 3)]


def test_no_page_shows_a_hash_a_seed_or_a_token(app: Flask, desk: FlaskClient, user_id: int) -> None:
    """Z06, O05."""
    with app.app_context():
        db.session.execute(update(User).values(totp_seed="canary-seed", totp_enabled_at=START))
        hashes = list(db.session.scalars(select(User.password_hash)))
        db.session.commit()
    for path in ("/admin", *LISTS, f"/admin/users/{user_id}", *DOWNLOADS):
        text = desk.get(path).text
        assert not [secret for secret in ("canary-seed", "argon2", "eyJ", *hashes) if secret in text], path


def test_what_people_have_written_is_text_on_every_page(app: Flask, desk: FlaskClient) -> None:
    """Z10."""
    markup = '"><script>alert(1)</script>'
    evil = people.create_user(app, "evil@test.com", first_name=markup, last_name="{{7*7}}")
    body = {"email": "evil@test.com", "password": people.PASSWORD, "transport": "body"}
    assert app.test_client().post("/api/login", json=body, headers={"User-Agent": markup}).status_code == 200
    for path in (
        "/admin",
        *LISTS,
        f"/admin/users/{evil}",
        f"/admin/users/{evil}/demote",
        "/admin/users?q=%3Cscript%3E",
    ):
        text = desk.get(path).text
        assert "<script>" not in text


def test_a_network_address_is_not_called_as_a_mail_address_is(desk: FlaskClient, user_id: int) -> None:
    people.sign_in(desk.application.test_client())
    for path in ("/admin/sessions", "/admin/events", f"/admin/users/{user_id}", "/account/sessions"):
        text = desk.get(path).text
        assert re.search("<(th|dt)[^>]*>Network address</", text), path
        assert not re.search("<(th|dt)[^>]*>(Address|Place|From)</", text), path


def test_an_address_is_confirmed_or_not_on_every_page(app: Flask, desk: FlaskClient) -> None:
    new = people.create_user(app, "new@test.com", is_verified=False)
    browser = app.test_client()
    sign_in_by_form(browser, email="new@test.com")
    pages = [browser.get("/account").text, desk.get(f"/admin/users/{new}").text, desk.get("/admin/users").text]
    for page in pages:
        assert '<span class="badge badge-warn">Not confirmed</span>' in page
        assert not re.search("[Vv]erified<", page)
