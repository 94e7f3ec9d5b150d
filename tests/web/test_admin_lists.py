"""The desk's lists: what they hold page by page, and which questions they refuse."""

import html
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from tests.support import people
from tests.support.desk import DOWNLOADS, LISTS, add_users, found
from tests.support.steps import START
from webapp.database import db
from webapp.keyset import cursor_of
from webapp.models import AuthSession, User

pytestmark = pytest.mark.usefixtures("clock")


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


def test_rows_that_come_meanwhile_shift_nothing(app: Flask, desk: FlaskClient) -> None:
    add_users(app, 50)
    page = desk.get("/admin/users")
    link = re.search(r'rel="next"\s+href="([^"]*)"', page.text)
    assert link
    people.create_user(app, "late@test.com")
    assert not set(found(page)) & set(found(desk.get(link.group(1))))


def test_what_is_gone_is_named_by_its_number(app: Flask, desk: FlaskClient, user_id: int) -> None:
    session = people.sign_in(app.test_client())
    body = {"password": people.PASSWORD}
    assert session.http.delete("/api/me", json=body, headers=session.bearer).status_code == 204
    assert f"#{user_id}, deleted" in desk.get("/admin/events?kind=account_deleted").text
    with app.app_context():
        assert db.session.scalars(select(AuthSession).where(AuthSession.user_id == user_id)).all() == []


def test_a_page_that_has_become_empty_leads_back_and_does_not_say_that_there_is_nobody(
    app: Flask, desk: FlaskClient
) -> None:
    add_users(app, 30)
    link = re.search(r'rel="next"\s+href="([^"]*)"', desk.get("/admin/users?sort=address").text)
    assert link
    with app.app_context():
        db.session.execute(delete(User).where(User.email_key > "person020"))
        db.session.commit()
    emptied = desk.get(html.unescape(link.group(1)))
    assert (emptied.status_code, found(emptied), "21 users" in emptied.text) == (200, [], True)
    back = re.search(r'rel="prev"\s+href="([^"]*)"', emptied.text)
    assert back
    assert len(found(desk.get(html.unescape(back.group(1))))) == 21


@pytest.mark.parametrize("letter", ["z", "é", "ΐ", "🌲"])
def test_a_list_goes_on_after_the_longest_address(app: Flask, desk: FlaskClient, letter: str) -> None:
    add_users(app, 24)
    address = f"q@{letter * 252}"
    with app.app_context():
        values = {"email": address, "email_key": (f"person0235{letter * 508}")[:508], "password_hash": "x"}
        db.session.add(User(**values, created_at=START))
        db.session.commit()
    pages, _ = walk(desk, "/admin/users?sort=address", "next")
    assert [len(page) for page in pages] == [25, 2]
    assert address in pages[0] + pages[1]


@pytest.mark.parametrize("path", [*LISTS, *DOWNLOADS])
def test_a_query_that_makes_no_sense_is_refused_with_a_way_back(desk: FlaskClient, path: str) -> None:
    """I05, I08, I11."""
    bad = ["x=1", "state=%00", "ip=%00", "q=%00", "after=x&after=y", "since=yesterday", "until=9999-12-31", "kind=x"]
    bad += [f"after={value}" for value in ("x", "W10", "WzEsIngiXQ", "WyJ4IiwxXQ", "%ff", "A" * 4000, "e30", "bnVsbA")]
    bad += ["before=WzFlOTk5LDFd", "after=WyIyMDI2LTA3LTAxIiwgMV0", "after=WzkyMjMzNzIwMzY4NTQ3NzU4MDgsMV0"]
    for moment in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        bad += [f"after={cursor_of((moment, row))}" for row in (1, "x")]
    for query in bad:
        reply = desk.get(f"{path}?{query}")
        assert reply.status_code == 400, query
        assert "The query string is not valid" in reply.text
    if path in LISTS:
        assert f'href="{path}"' in reply.text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("since=yesterday", "From day: Write it as 2026-11-30."),
        ("since=30.11.2026", "From day: Write it as 2026-11-30."),
        ("until=2026-11-31", "To day: Write it as 2026-11-30."),
        ("until=9999-12-31", "To day: "),
    ],
)
def test_a_filter_that_cannot_be_read_is_named(desk: FlaskClient, query: str, told: str) -> None:
    """A browser without a field for days takes whatever is typed; the other filters are not typed anew."""
    reply = desk.get(f"/admin/events?{query}")
    assert (reply.status_code, told in reply.text, "All events" in reply.text) == (400, True, True)
    reply = desk.get(f"/admin/events?{query}&kind=sign_in&user=&ip=192.0.2.7&after=x")
    assert 'href="/admin/events?kind=sign_in&amp;ip=192.0.2.7">Look with the other filters' in reply.text
    assert "`errors`" not in reply.text


def test_days_that_end_before_they_begin_are_told_from_days_without_events(desk: FlaskClient) -> None:
    words = "“From day” is after “To day”"
    assert words in desk.get("/admin/events?since=2026-07-02&until=2026-07-01").text
    assert words not in desk.get("/admin/events?since=2020-07-02&until=2020-07-02").text
