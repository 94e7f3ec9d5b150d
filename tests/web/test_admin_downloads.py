"""The desk's lists as files: whole, safe to open in a spreadsheet, and written down."""

import csv
import io
import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import forge, people
from tests.support.databases import pool_of
from tests.support.desk import add_users, admin_id, the_event
from tests.support.steps import events
from webapp.web.admin_queries import NOBODY

pytestmark = pytest.mark.usefixtures("clock")


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
    assert (event.actor_id, event.detail) == (admin_id(app), {"what": "users", "filters": {"q": True}})


def test_a_download_holds_no_connection_while_it_is_taken(app: Flask, desk: FlaskClient) -> None:
    """It may last for hours: neither other requests nor a migration shall wait for it."""
    add_users(app, 1100)
    pool = pool_of(app)
    before = pool.checkedout()
    reply = desk.get("/admin/users.csv", buffered=False)
    lines = iter(reply.response)
    taken = [next(lines) for _ in range(5)]
    assert (len(taken), pool.checkedout()) == (5, before)
    assert len(list(lines)) == 1100 + 2 + 1 - 5
    reply.close()


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


@pytest.mark.parametrize(
    ("delimiter", "device"),
    [(";", "a;=cmd|' /C calc'!A0;b"), (";", 'a; "=1+1";b'), (";", "a;+1;-1;@SUM(A1)"), ("\t", "a\t=1+1\tb")],
)
def test_no_cell_is_computed_where_spreadsheets_part_them_elsewhere(
    app: Flask, desk: FlaskClient, delimiter: str, device: str
) -> None:
    """Z10: whoever fails to sign in chooses the User-Agent, and half of Europe's spreadsheets part cells at ";"."""
    body = {"email": people.EMAIL, "password": "wrong"}
    app.test_client().post("/api/login", json=body, headers={"User-Agent": device})
    download = desk.get("/admin/events.csv").text
    cells = [cell for row in csv.reader(io.StringIO(download), delimiter=delimiter) for cell in row]
    assert len(cells) > len(download.splitlines())
    assert [cell for cell in cells if cell.strip(' "').startswith(("=", "+", "-", "@"))] == []


def test_every_cell_is_quoted(desk: FlaskClient) -> None:
    """Else a ";" would part a cell that only commas had to have quoted."""
    header, first, *_ = desk.get("/admin/users.csv?sort=oldest").text.splitlines()
    assert header.startswith('"id","address","first name",')
    assert re.fullmatch(r'"[^"]*"(,"[^"]*")*', first)


def test_sessions_and_events_are_downloaded_as_they_are(app: Flask, desk: FlaskClient, user_id: int) -> None:
    session = people.sign_in(app.test_client())
    (row,) = table(desk.get(f"/admin/sessions.csv?user={user_id}"))
    assert (row["session"], row["address"], row["active"]) == (forge.read(session.access)["sid"], people.EMAIL, "True")
    (row,) = table(desk.get(f"/admin/events.csv?kind=sign_in&user={user_id}"))
    assert (row["event"], row["actor"], row["at"]) == ("sign_in", people.EMAIL, "2026-07-01T12:00:00+00:00")
    (row,) = table(desk.get("/admin/events.csv?kind=exported"))[-1:]
    assert json.loads(row["detail"]) == {"what": "sessions", "filters": {"user": user_id}}


def test_what_was_looked_for_stays_in_no_event(app: Flask, desk: FlaskClient, user_id: int) -> None:
    """Z09: an address in it would be there still when its owner has left."""
    asked = {
        f"users.csv?q={people.EMAIL}": {"q": True},
        f"sessions.csv?user={people.EMAIL}&device={people.EMAIL}": {"user": user_id, "device": True},
        "sessions.csv?user=gone@test.com&state=all": {"user": NOBODY, "state": "all"},
        f"events.csv?actor={people.EMAIL}&kind=sign_in": {"actor": user_id, "kind": "sign_in"},
    }
    for path in asked:
        assert desk.get(f"/admin/{path}").status_code == 200
    assert [event.detail["filters"] for event in events(app, "exported")] == list(asked.values())
