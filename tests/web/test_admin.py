"""The administrators' desk: who may open it, what each act does and leaves written down, what its lists find."""

import csv
import html
import io
import re
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update
from werkzeug.test import TestResponse

from tests.support import forge, people
from tests.support.steps import (
    DAY,
    START,
    alert,
    csrf_token,
    events,
    is_signed_in,
    refresh,
    sign_in_by_form,
    submit,
)
from webapp.database import db
from webapp.models import AuditEvent, AuthSession, OutboxMail, Passkey, RecoveryCode, SessionRefresh, User
from webapp.web.admin_acts import ACTS

ADMIN = "admin@test.com"
LISTS = ("/admin/users", "/admin/sessions", "/admin/events")
DOWNLOADS = tuple(f"{path}.csv" for path in LISTS)


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def desk(app: Flask, user_id: int) -> FlaskClient:
    """An administrator's browser, just signed in. John Doe is the user with whom things are done."""
    people.create_user(app, ADMIN, is_admin=True, first_name="Ada", last_name="Admin")
    http = app.test_client()
    sign_in_by_form(http, email=ADMIN)
    return http


def admin_id(app: Flask) -> int:
    with app.app_context():
        return db.session.scalars(select(User.id).where(User.email == ADMIN)).one()


def user(app: Flask, user_id: int) -> User:
    with app.app_context():
        return db.session.get_one(User, user_id)


def perform(desk: FlaskClient, user_id: int, act: str, address: str = people.EMAIL) -> TestResponse:
    return submit(desk, f"/admin/users/{user_id}/{act}", {"address": address} if ACTS[act].is_typed else {})


def end(desk: FlaskClient, *sids: str, **fields: str) -> TestResponse:
    token = csrf_token(desk.get("/admin/sessions"))
    return desk.post("/admin/sessions/end", data={"csrf_token": token, "sid": list(sids), **fields})


def admin_paths(app: Flask, user_id: int) -> list[tuple[str, str]]:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/admin")]
    paths = [(rule, rule.rule.replace("<row_id:user_id>", str(user_id)).replace("<act>", "demote")) for rule in rules]
    return [(method, path) for rule, path in paths for method in (rule.methods or set()) & {"GET", "POST"}]


# --- who may open it -------------------------------------------------------------------------------------


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


# --- what it does ----------------------------------------------------------------------------------------


def the_event(app: Flask, kind: str) -> AuditEvent:
    return events(app, kind)[-1]


def test_a_stolen_session_ends_in_two_clicks_and_its_next_request_fails(
    app: Flask, desk: FlaskClient, user_id: int
) -> None:
    """V06, Z09."""
    owner, thief = (people.sign_in(app.test_client()) for _ in range(2))
    sid = forge.read(thief.access)["sid"]
    page = desk.get(f"/admin/users/{user_id}")
    assert page.text.count('name="sid"') == 2
    reply = end(desk, sid, next=f"/admin/users/{user_id}")
    assert (reply.status_code, reply.location) == (303, f"/admin/users/{user_id}")
    assert "Ended 1 session." in desk.get(reply.location).text
    assert (thief.me().status_code, owner.me().status_code) == (401, 200)
    event = the_event(app, "session_revoked")
    assert (event.user_id, event.actor_id, event.session_id) == (user_id, admin_id(app), sid)
    assert (event.ip, len(event.request_id), event.at) == ("127.0.0.1", 16, START)
    assert event.detail == {"reason": "ended_by_operator"}


def test_ticked_sessions_end_at_once_and_others_stay(app: Flask, desk: FlaskClient, user_id: int) -> None:
    people.create_user(app, "other@test.com")
    ended = [people.sign_in(app.test_client(), email=email) for email in (people.EMAIL, "other@test.com")]
    stays = people.sign_in(app.test_client())
    reply = end(desk, *(forge.read(session.access)["sid"] for session in ended), "A" * 22, next="//evil.example")
    assert reply.location == "/admin/sessions"
    assert "Ended 2 sessions." in desk.get("/admin/sessions").text
    assert [session.me().status_code for session in (*ended, stays)] == [401, 401, 200]
    assert "No session was ticked." in desk.get(end(desk).location).text


def test_ending_all_sessions_leaves_the_password(app: Flask, desk: FlaskClient, user_id: int) -> None:
    sessions = [people.sign_in(app.test_client()) for _ in range(3)]
    assert perform(desk, user_id, "end-sessions").location == f"/admin/users/{user_id}"
    assert [session.me().status_code for session in sessions] == [401] * 3
    assert {event.actor_id for event in events(app, "session_revoked")} == {admin_id(app)}
    people.sign_in(app.test_client())


def test_who_is_deactivated_is_out_at_once_and_stays_out_until_activated(
    app: Flask, desk: FlaskClient, user_id: int
) -> None:
    """V06."""
    browser, program = app.test_client(), people.sign_in(app.test_client())
    sign_in_by_form(browser)
    assert perform(desk, user_id, "deactivate").status_code == 303
    assert (program.me().status_code, is_signed_in(browser)) == (401, False)
    assert refresh(program.http, program.refresh or "").status_code == 401
    assert sign_in_by_form(app.test_client()).status_code == 422
    assert "Deactivated" in desk.get(f"/admin/users/{user_id}").text
    assert perform(desk, user_id, "activate").status_code == 303
    people.sign_in(app.test_client())
    assert program.me().status_code == 401
    for kind in ("user_deactivated", "user_activated"):
        event = the_event(app, kind)
        assert (event.user_id, event.actor_id, event.detail) == (user_id, admin_id(app), {})


def test_roles_are_given_and_taken_from_the_next_request_on(app: Flask, desk: FlaskClient, user_id: int) -> None:
    """V06, Z09."""
    browser = app.test_client()
    sign_in_by_form(browser)
    assert browser.get("/admin").status_code == 403
    perform(desk, user_id, "promote")
    assert browser.get("/admin").status_code == 200
    perform(desk, user_id, "demote")
    assert browser.get("/admin").status_code == 403
    for kind in ("user_promoted", "user_demoted"):
        assert (the_event(app, kind).user_id, the_event(app, kind).actor_id) == (user_id, admin_id(app))


def test_a_reset_is_started_and_the_administrator_never_sees_its_link(
    app: Flask, desk: FlaskClient, user_id: int
) -> None:
    """Z06."""
    reply = perform(desk, user_id, "reset-password")
    with app.app_context():
        mails = db.session.scalars(select(OutboxMail)).all()
    assert [(mail.kind, mail.user_id) for mail in mails] == [("reset_password", user_id)]
    assert "/reset/" not in desk.get(reply.location).text
    event = the_event(app, "reset_requested")
    assert (event.user_id, event.actor_id, event.account_key) == (user_id, admin_id(app), None)


def test_the_second_factor_is_removed_with_all_that_stands_in_for_it(
    app: Flask, desk: FlaskClient, user_id: int
) -> None:
    with app.app_context():
        john = db.session.get_one(User, user_id)
        john.totp_seed, john.totp_enabled_at = "sealed", START
        row = {"credential_id": "x", "public_key": b"", "sign_count": 0, "created_at": START}
        db.session.add_all([Passkey(user_id=user_id, name="Key", **row), RecoveryCode(user_id=user_id, code_hash="x")])
        db.session.commit()
    perform(desk, user_id, "remove-second-factor")
    with app.app_context():
        assert [db.session.scalars(select(model)).all() for model in (Passkey, RecoveryCode)] == [[], []]
    assert user(app, user_id).totp_enabled_at is None
    assert [the_event(app, kind).actor_id for kind in ("totp_disabled", "passkey_removed")] == [admin_id(app)] * 2


def test_a_filter_that_cannot_be_read_is_named(desk: FlaskClient) -> None:
    reply = desk.get("/admin/events?since=yesterday")
    assert (reply.status_code, "since: " in reply.text, "All events" in reply.text) == (400, True, True)
    assert "`errors`" not in reply.text


def test_removing_a_second_factor_is_offered_where_there_is_one(app: Flask, desk: FlaskClient, user_id: int) -> None:
    """A passkey counts: the act takes both."""
    link = f'href="/admin/users/{user_id}/remove-second-factor"'
    assert link not in desk.get(f"/admin/users/{user_id}").text
    with app.app_context():
        row = {"credential_id": "x", "public_key": b"", "sign_count": 0, "created_at": START}
        db.session.add(Passkey(user_id=user_id, name="Key", **row))
        db.session.commit()
    assert link in desk.get(f"/admin/users/{user_id}").text
    with app.app_context():
        db.session.execute(delete(Passkey))
        db.session.execute(update(User).where(User.id == user_id).values(totp_enabled_at=START))
        db.session.commit()
    assert link in desk.get(f"/admin/users/{user_id}").text


def test_new_devices_are_let_in_again(app: Flask, desk: FlaskClient, user_id: int) -> None:
    """A14."""
    with app.app_context():
        db.session.execute(update(User).where(User.id == user_id).values(failed_sign_ins=100))
        db.session.commit()
    assert "Let new devices in" in desk.get(f"/admin/users/{user_id}").text
    perform(desk, user_id, "unlock")
    assert user(app, user_id).failed_sign_ins == 0
    assert "Let new devices in" not in desk.get(f"/admin/users/{user_id}").text
    assert the_event(app, "user_unlocked").actor_id == admin_id(app)


@pytest.mark.parametrize("act", ["demote", "deactivate"])
def test_the_last_administrator_stays_one_and_the_attempt_is_written_down(
    app: Flask, desk: FlaskClient, act: str
) -> None:
    """Z05, Z09: the event survives the refusal."""
    ada = admin_id(app)
    reply = perform(desk, ada, act, ADMIN)
    assert (reply.status_code, "The last administrator has to stay one" in reply.text) == (409, True)
    assert (user(app, ada).is_admin, user(app, ada).is_active) == (True, True)
    event = the_event(app, f"user_{act}d" if act == "demote" else "user_deactivated")
    assert (event.user_id, event.actor_id, event.detail) == (ada, ada, {"refused": "last_administrator"})
    assert "Refused" in desk.get("/admin/events").text


@pytest.mark.parametrize(("is_active", "expected"), [(False, 409), (True, 303)])
def test_only_an_active_administrator_can_stand_in(
    app: Flask, desk: FlaskClient, user_id: int, is_active: bool, expected: int
) -> None:
    """Z05."""
    with app.app_context():
        db.session.execute(update(User).where(User.id == user_id).values(is_admin=True, is_active=is_active))
        db.session.commit()
    reply = perform(desk, admin_id(app), "demote", ADMIN)
    assert reply.status_code == expected
    if expected == 303:
        assert (reply.location, desk.get("/admin").status_code) == ("/account", 403)


@pytest.mark.parametrize("act", [name for name, act in ACTS.items() if act.is_typed])
def test_grave_acts_have_to_be_confirmed_by_the_address(app: Flask, desk: FlaskClient, user_id: int, act: str) -> None:
    for typed in ("", ADMIN, "test@test"):
        reply = perform(desk, user_id, act, typed)
        assert (reply.status_code, "Type the address exactly" in alert(reply)) == (422, True)
    assert (user(app, user_id).is_active, user(app, user_id).is_admin) == (True, False)


def test_what_is_no_act_and_no_user_is_not_found(desk: FlaskClient, user_id: int) -> None:
    """I11, Z03."""
    token = csrf_token(desk.get("/admin/sessions"))
    for path in (f"{user_id}/become", f"{user_id}/__class__", "999/demote"):
        assert desk.get(f"/admin/users/{path}").status_code == 404
        assert desk.post(f"/admin/users/{path}", data={"csrf_token": token}).status_code == 404
    for number in ("0", "-1", "999", "me", 2**31, 2**63, "9" * 500, "%00"):
        assert desk.get(f"/admin/users/{number}").status_code == 404, number


# --- what it shows ---------------------------------------------------------------------------------------


def add_users(app: Flask, count: int, **fields: Any) -> None:
    with app.app_context():
        for number in range(count):
            address = f"person{number:03}@example.com"
            values = {"first_name": "", "last_name": "", "is_admin": False, "is_active": True, **fields}
            values |= {"email_verified": True, "created_at": START, "password_hash": "$argon2id$canary"}
            db.session.add(User(email=address, email_key=address, **values))
        db.session.commit()


def found(page: TestResponse) -> list[str]:
    """Return the addresses in the rows of the list of users."""
    return re.findall(r'<a href="/admin/users/\d+">([^<]*)</a>\s*<br>', page.text)


def walk(desk: FlaskClient, path: str, rel: str) -> tuple[list[list[str]], str]:
    """Follow the links to the next (or previous) page to the end; return whom each page holds, and the last address."""
    pages, link = [], path
    while True:
        page = desk.get(link)
        assert page.status_code == 200
        pages.append(found(page))
        following = re.search(rf'rel="{rel}"\s+href="([^"]*)"', page.text)
        if following is None:
            return pages, link
        link = html.unescape(following.group(1))


@pytest.mark.parametrize("sort", ["newest", "oldest", "address"])
def test_the_pages_of_users_hold_each_once_in_both_directions(app: Flask, desk: FlaskClient, sort: str) -> None:
    add_users(app, 60)
    down, last = walk(desk, f"/admin/users?sort={sort}", "next")
    assert [len(page) for page in down] == [25, 25, 12]
    assert walk(desk, last, "prev")[0] == down[::-1]
    rows = [address for page in down for address in page]
    assert len(set(rows)) == 62
    if sort == "address":
        assert rows == sorted(rows)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=ADMIN@test.com", [ADMIN]),
        ("q=ada", [ADMIN]),
        ("q=john+doe", [people.EMAIL]),
        ("q=john+admin", []),
        ("q=%231", [people.EMAIL]),
        ("q=%25", []),
        ("q=_est", []),
        ("state=administrator", [ADMIN]),
        ("state=administrator&q=john", []),
        ("state=unverified", ["new@test.com"]),
        ("state=deactivated", ["new@test.com"]),
        ("state=two-step", ["new@test.com"]),
        ("state=locked", ["new@test.com"]),
        ("state=&q=&sort=oldest", [people.EMAIL, ADMIN, "new@test.com"]),
    ],
)
def test_users_are_found_by_words_and_state(app: Flask, desk: FlaskClient, query: str, expected: list[str]) -> None:
    people.create_user(app, "new@test.com", first_name="Zoe", last_name="", is_verified=False)
    with app.app_context():
        values = {"is_active": False, "totp_enabled_at": START, "failed_sign_ins": 100}
        db.session.execute(update(User).where(User.email == "new@test.com").values(**values))
        db.session.commit()
    page = desk.get(f"/admin/users?{query}")
    assert found(page) == expected
    assert f"{len(expected)} user{'' if len(expected) == 1 else 's'}</p>" in page.text
    assert ("No user matches." in page.text) == (not expected)


def test_sessions_are_found_by_state_user_address_and_device(
    app: Flask, desk: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    phone = people.SignedIn(http := app.test_client(), "", None)
    headers = {"User-Agent": "Phone/1 100%"}
    body = {"email": people.EMAIL, "password": people.PASSWORD, "transport": "body"}
    access = http.post("/api/login", json=body, headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.7"}).json
    phone.access = access["access_token"]
    ended = people.sign_in(app.test_client())
    ended.http.post("/api/logout", headers=ended.bearer)
    sids = {name: forge.read(session.access)["sid"] for name, session in {"phone": phone, "ended": ended}.items()}

    def shown(query: str) -> set[str]:
        text = desk.get(f"/admin/sessions?{query}").text
        users = re.findall(r'<th scope="row" data-label="User">\s*<a href="/admin/users/(\d+)">', text)
        return {f"{len(users)} rows", *(name for name, sid in sids.items() if f'value="{sid}"' in text)}

    assert shown("") == {"2 rows", "phone"}
    assert shown("state=ended") == {"1 rows"}
    assert shown("state=all") == {"3 rows", "phone"}
    assert shown(f"user={people.EMAIL}") == shown(f"user={user_id}") == {"1 rows", "phone"}
    assert shown("user=nobody@test.com") == shown("user=999") == {"0 rows"}
    assert shown("ip=192.0.2.7") == shown("device=phone%2F1") == shown("device=100%25") == {"1 rows", "phone"}
    assert shown("device=1%25") == {"0 rows"}
    clock.shift(31 * DAY)
    sign_in_by_form(desk, email=ADMIN)
    assert shown("") == {"1 rows"}


def test_events_are_found_by_kind_user_actor_address_session_and_day(
    app: Flask, desk: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    clock.shift(DAY)
    session = people.sign_in(app.test_client())
    app.test_client().post(
        "/api/login", json={"email": people.EMAIL, "password": "x"}, environ_base={"REMOTE_ADDR": "192.0.2.9"}
    )

    def shown(query: str) -> list[str]:
        page = desk.get(f"/admin/events?{query}")
        assert page.status_code == 200
        return re.findall(r'<th scope="row" data-label="What">\s*([A-Z][a-z ]*[a-z])', page.text)

    latest = ["Sign in failed", "Sign in"]
    assert shown("") == [*latest, "Sign in", "User created", "User created"]
    assert shown("kind=sign_in_failed") == shown("ip=192.0.2.9") == ["Sign in failed"]
    assert shown(f"user={people.EMAIL}") == shown(f"user={user_id}") == [*latest, "User created"]
    assert shown(f"actor={user_id}") == shown(f"session={forge.read(session.access)['sid']}") == ["Sign in"]
    assert shown("since=2026-07-02") == latest
    assert shown("until=2026-07-01") == ["Sign in", "User created", "User created"]
    assert shown("since=2026-07-02&until=2026-07-02&kind=sign_in") == ["Sign in"]
    assert shown("since=2026-07-03") == []


@pytest.mark.parametrize("path", [*LISTS, *DOWNLOADS])
def test_a_query_that_makes_no_sense_is_refused_with_a_way_back(desk: FlaskClient, path: str) -> None:
    """I05, I08, I11."""
    bad = ["x=1", "state=%00", "ip=%00", "q=%00", "after=x&after=y", "since=yesterday", "kind=x"]
    bad += [f"after={value}" for value in ("x", "W10", "WzEsIngiXQ", "WyJ4IiwxXQ", "%ff", "A" * 2000, "e30", "bnVsbA")]
    bad += ["before=WzFlOTk5LDFd", "after=WyIyMDI2LTA3LTAxIiwgMV0", "after=WzkyMjMzNzIwMzY4NTQ3NzU4MDgsMV0"]
    for query in bad:
        reply = desk.get(f"{path}?{query}")
        assert reply.status_code == 400, query
        assert "The query string is not valid" in reply.text
    if path in LISTS:
        assert f'href="{path}"' in reply.text


def test_rows_that_come_meanwhile_shift_nothing(app: Flask, desk: FlaskClient) -> None:
    add_users(app, 50)
    page = desk.get("/admin/users")
    link = re.search(r'rel="next"\s+href="([^"]*)"', page.text)
    assert link
    people.create_user(app, "late@test.com")
    assert not set(found(page)) & set(found(desk.get(link.group(1))))


def test_the_overview_counts_what_has_happened(
    app: Flask, desk: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    clock.shift(-3 * DAY)
    people.sign_in(app.test_client())
    clock.shift(3 * DAY)
    session = people.sign_in(app.test_client())
    for _ in range(2):
        app.test_client().post("/api/login", json={"email": people.EMAIL, "password": "wrong"})
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
        "Failures in 24 hours": "2",
        "Reuse alarms in 24 hours": "0",
    }
    rows = re.findall(r'<time datetime="(2026-[\d-]+)">[^<]*</time>\s*</th>((?:\s*<td class="number">\d+</td>)+)', page)
    counts = [(day, [int(number) for number in re.findall(r">(\d+)<", cells)]) for day, cells in rows]
    assert len(counts) == 28
    sign_ins, refreshes = dict(counts[:14]), dict(counts[14:])
    assert (sign_ins["2026-07-01"], sign_ins["2026-06-28"], sum(map(sum, sign_ins.values()))) == ([3, 2], [1, 0], 6)
    assert (refreshes["2026-07-01"], sum(map(sum, refreshes.values()))) == ([0, 1], 1)
    assert next(iter(sign_ins)) == "2026-06-18"


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


# --- downloads -------------------------------------------------------------------------------------------


def table(reply: TestResponse) -> list[dict[str, str]]:
    assert (reply.status_code, reply.content_type) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(reply.text)))


def test_a_list_is_downloaded_whole_with_its_filters_and_that_is_written_down(app: Flask, desk: FlaskClient) -> None:
    add_users(app, 1100)
    reply = desk.get("/admin/users.csv?q=person")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="users-2026-07-01.csv"'
    rows = table(reply)
    assert (len(rows), len({row["id"] for row in rows})) == (1100, 1100)
    event = the_event(app, "exported")
    assert (event.actor_id, event.detail) == (admin_id(app), {"what": "users", "filters": {"q": "person"}})


def test_cells_that_a_spreadsheet_would_compute_are_text(app: Flask, desk: FlaskClient) -> None:
    """Z10."""
    names = ["=1+1", "+1", "-1", "@SUM(A1)", 'safe, "quoted"\u00e9']
    for number, name in enumerate(names):
        people.create_user(app, f"{number}@test.com", first_name=name)
    body = {"email": "0@test.com", "password": people.PASSWORD}
    app.test_client().post("/api/login", json=body, headers={"User-Agent": "=cmd|'/C calc'!A0"})
    written = [row["first name"] for row in table(desk.get("/admin/users.csv?sort=oldest&q=@test.com"))][2:]
    assert written == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", 'safe, "quoted"é']
    assert "'=cmd|'/C calc'!A0" in [row["device"] for row in table(desk.get("/admin/sessions.csv"))]
    assert "'=cmd|'/C calc'!A0" in [row["device"] for row in table(desk.get("/admin/events.csv"))]


def test_sessions_and_events_are_downloaded_as_they_are(app: Flask, desk: FlaskClient, user_id: int) -> None:
    session = people.sign_in(app.test_client())
    (row,) = table(desk.get(f"/admin/sessions.csv?user={user_id}"))
    assert (row["session"], row["address"], row["active"]) == (forge.read(session.access)["sid"], people.EMAIL, "True")
    (row,) = table(desk.get(f"/admin/events.csv?kind=sign_in&user={user_id}"))
    assert (row["event"], row["actor"], row["at"]) == ("sign_in", people.EMAIL, "2026-07-01T12:00:00+00:00")


def test_what_is_gone_is_named_by_its_number(app: Flask, desk: FlaskClient, user_id: int) -> None:
    session = people.sign_in(app.test_client())
    body = {"password": people.PASSWORD}
    assert session.http.delete("/api/me", json=body, headers=session.bearer).status_code == 204
    assert f"#{user_id}, deleted" in desk.get("/admin/events?kind=account_deleted").text
    with app.app_context():
        assert db.session.scalars(select(AuthSession).where(AuthSession.user_id == user_id)).all() == []
