"""Lists whose filter no index answers: a page looks through so many rows, and says where it stopped and leads on."""

import csv
import html
import io
import re
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from tests.support import people
from tests.support.steps import START, sign_in_by_form
from webapp import keyset, user_list
from webapp.database import db
from webapp.models import AuthSession, User

ADMIN = "admin@test.com"
STRETCH = 10
MOST_PAGES = 20  # a walk that is longer goes in circles
LIFE = timedelta(days=30)


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture(autouse=True)
def _short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyset, "STRETCH", STRETCH)


@pytest.fixture
def desk(app: Flask) -> FlaskClient:
    """An administrator's browser, whose session is the latest seen of all."""
    people.create_user(app, ADMIN, is_admin=True)
    http = app.test_client()
    sign_in_by_form(http, email=ADMIN)
    return http


def add_sessions(app: Flask, user_id: int, agents: list[str], *, is_active: bool = True) -> None:
    """Add a session for each User-Agent header, each last seen a minute before the one in front of it."""
    with app.app_context():
        for number, agent in enumerate(agents, 1):
            seen_at = START - timedelta(minutes=number)
            instants = {"confirmed_at": seen_at, "created_at": seen_at, "authenticated_at": seen_at}
            expires_at = START + LIFE if is_active else START
            db.session.add(
                AuthSession(
                    id=f"{'a' if is_active else 'e'}{number:021}",
                    user_id=user_id,
                    transport="cookie",
                    remember=True,
                    last_seen_at=seen_at,
                    refresh_expires_at=expires_at,
                    expires_at=expires_at,
                    user_agent=agent,
                    **instants,
                )
            )
        db.session.commit()


def minutes(page: str) -> list[int]:
    """Return how many minutes ago the sessions of a page were last seen."""
    table = page.partition("<tbody>")[2].partition("</tbody>")[0]
    seen = [datetime.fromisoformat(at) for at in re.findall(r'<time\s+datetime="([^"]*)"', table)]
    return [int((START - at).total_seconds() // 60) for at in seen]


def walk(desk: FlaskClient, path: str, rel: str = "next") -> tuple[list[list[int]], str]:
    """Follow the links to the next (or previous) page to the end; return what each page holds, and the last address."""
    pages, link = [], path
    while True:
        page = desk.get(link)
        assert page.status_code == 200
        assert len(pages) < MOST_PAGES
        pages.append(minutes(page.text))
        following = re.search(rf'rel="{rel}"\s+href="([^"]*)"', page.text)
        if following is None:
            return pages, link
        link = html.unescape(following.group(1))


RARE = {7, 24, 25, 44}  # of fifty


def fifty() -> list[str]:
    return ["Rare/1" if number in RARE else "Common/1" for number in range(1, 51)]


def test_what_is_rare_is_found_stretch_by_stretch_in_both_directions(
    app: Flask, desk: FlaskClient, user_id: int
) -> None:
    """The administrator's own session is the first of 51 rows."""
    add_sessions(app, user_id, fifty())
    down, last = walk(desk, "/admin/sessions?state=all&device=rare")
    assert down == [[7], [], [24, 25], [], [44], []]
    up, first = walk(desk, last, "prev")
    assert [page for page in up if page] == [[44], [24, 25], [7]]
    assert [number for page in walk(desk, first)[0] for number in page] == sorted(RARE)


def test_nothing_is_shown_twice_or_left_out(app: Flask, desk: FlaskClient, user_id: int) -> None:
    """In either direction, wherever a stretch may end."""
    hits = list(range(2, 51, 2))
    add_sessions(app, user_id, ["Even/1" if number in hits else "Odd/1" for number in range(1, 51)])
    down, last = walk(desk, "/admin/sessions?state=all&device=even")
    assert [number for page in down for number in page] == hits
    above = sorted(set(hits) - set(down[-1]))
    assert sorted(number for page in walk(desk, last, "prev")[0][1:] for number in page) == above


def test_a_page_says_how_far_it_has_looked(app: Flask, desk: FlaskClient, user_id: int) -> None:
    add_sessions(app, user_id, fifty())
    page = desk.get("/admin/sessions?state=all&device=rare").text
    assert "Looked through the sessions last seen since" in page
    assert (START - timedelta(minutes=9)).isoformat() in page.partition("Looked through")[2].partition("</p>")[0]
    nothing = desk.get("/admin/sessions?state=all&device=nothing").text
    assert "No session matches of those last seen since" in nothing
    assert ('rel="next"' in nothing, 'rel="prev"' in nothing) == (True, False)
    whole = desk.get("/admin/sessions?state=all&device=common").text
    assert len(minutes(whole)) < 10
    few = desk.get("/admin/sessions?state=all&device=rare&user=nobody@test.com").text
    assert "Looked through" not in few
    assert "See all active sessions" in few


def test_the_list_of_active_sessions_ends_with_the_last_one(app: Flask, desk: FlaskClient, user_id: int) -> None:
    """What has ended and was seen before it is many stretches long, and nobody is sent through it."""
    add_sessions(app, user_id, ["Firefox"] * 100, is_active=False)
    assert walk(desk, "/admin/sessions")[0] == [[0]]
    add_sessions(app, user_id, ["Firefox"] * 30)
    pages, _ = walk(desk, "/admin/sessions?device=firefox")
    assert sorted(number for page in pages for number in page) == list(range(1, 31))
    assert pages[-1]


def test_a_download_looks_through_all(app: Flask, desk: FlaskClient, user_id: int) -> None:
    add_sessions(app, user_id, fifty())
    reply = desk.get("/admin/sessions.csv?state=all&device=rare")
    rows = csv.DictReader(io.StringIO(reply.text))
    assert [row["session"] for row in rows] == [f"a{number:021}" for number in sorted(RARE)]


def test_sessions_of_one_instant_are_all_found(app: Flask, desk: FlaskClient, user_id: int) -> None:
    """A stretch ends after an instant, not within it."""
    add_sessions(app, user_id, fifty())
    with app.app_context():
        db.session.execute(
            update(AuthSession).where(AuthSession.user_id == user_id).values(last_seen_at=START - LIFE / 2)
        )
        db.session.commit()
    pages, _ = walk(desk, "/admin/sessions?state=all&device=rare")
    assert sum(map(len, pages)) == len(RARE)


def test_nobody_waits_for_a_total(app: Flask, desk: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_list, "MOST_COUNTED", 30)
    for count, expected in ((29, ">30 users</p>"), (30, ">More than 30 users</p>")):
        add_users(app, count)
        assert expected in desk.get("/admin/users").text
    assert ">1 user</p>" in desk.get(f"/admin/users?q={quote(ADMIN)}").text


def add_users(app: Flask, count: int) -> None:
    """See to it that there are so many users beside the administrator."""
    with app.app_context():
        for number in range(db.session.scalar(select(func.count(User.id))) or 0, count + 1):
            address = f"person{number}@example.com"
            db.session.add(User(email=address, email_key=address, password_hash="", created_at=START))
        db.session.commit()
