"""A role that may read and write rows, and nothing else, is all that the server needs (O06)."""

from collections.abc import Iterator

import pytest
import requests
from psycopg.errors import InsufficientPrivilege

from tests.faults.clients import TRANSPORTS, Client, Session
from tests.faults.postgresql_cluster import Cluster
from tests.faults.roles import two_roles
from tests.faults.servers import kill_all, wait_for_workers
from tests.support.live import LiveServer, serve
from tests.support.people import EMAIL, PASSWORD

DESK = ("", "/users", "/sessions", "/events", "/users.csv", "/sessions.csv", "/events.csv", "/users/1")
WORKERS = 2


@pytest.fixture(scope="module")
def database() -> Iterator[Cluster]:
    """A cluster set up as docs/operations.md says, migrated by its owner."""
    with two_roles() as running:
        yield running


@pytest.fixture(scope="module")
def running(database: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("rights")
    with serve(folder, database.url_of("evergreen", "evergreen"), workers=WORKERS, ratelimit_enabled="true") as server:
        wait_for_workers(server, WORKERS)
        server.flask("users", "create", EMAIL, "--password", PASSWORD, "--admin", "--verified")
        try:
            yield server
        finally:
            kill_all(server)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_signing_in_refreshing_and_ending_sessions(server: LiveServer, client: Client, transport: str) -> None:
    session = client.sign_in(transport)
    assert client.me(session.access).status == 200
    reply = client.refresh(transport, session.refresh)
    session = Session(transport, reply.access or "", reply.successor or "")
    assert client.refresh(transport, session.refresh).status == 200
    other = client.sign_in(transport)
    listed = client.call("GET", "/api/sessions", bearer=session.access)
    assert {session.sid, other.sid} <= {row["id"] for row in listed.body["items"]}
    assert client.call("DELETE", f"/api/sessions/{other.sid}", bearer=session.access).status == 204
    assert client.me(other.access).code == "session_ended"
    names = {"first_name": "John", "last_name": "Doe"}
    assert client.call("PATCH", "/api/me", bearer=session.access, body=names).status == 200
    wrong = {"email": EMAIL, "password": "wrong", "transport": transport}
    assert client.call("POST", "/api/login", body=wrong).status == 401
    assert client.call("POST", "/api/logout", bearer=session.access).status == 204


def test_the_administrators_desk(server: LiveServer, client: Client) -> None:
    cookies = {"refresh_token": client.sign_in("cookie").refresh}
    found = {path: requests.get(f"{server.url}/admin{path}", cookies=cookies, timeout=20).status_code for path in DESK}
    assert set(found.values()) == {200}, found


def test_signing_up_mails_and_commands(server: LiveServer, client: Client) -> None:
    body = {"email": "new@test.com", "password": "quite another 7 words"}
    assert client.call("POST", "/api/register", body=body).status == 202
    server.flask("mail", "send")
    server.flask("sessions", "revoke", "--all")
    for purge in (("sessions", "purge"), ("events", "purge", "--older-than", "1")):
        server.flask(*purge)
    assert EMAIL in server.flask("users", "list")


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE mine (x int)", "DROP TABLE users", "ALTER TABLE users ADD x int", "TRUNCATE audit_events",
     "CREATE ROLE more SUPERUSER"],
)  # fmt: skip
def test_the_server_s_role_may_do_no_more(database: Cluster, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        database.execute(statement, role="evergreen", database="evergreen")


def test_what_later_migrations_make_is_open_to_the_server_without_another_word(database: Cluster) -> None:
    later = "CREATE TABLE later (id serial PRIMARY KEY, x int)"
    database.execute(later, role="evergreen_owner", database="evergreen")
    for statement in ("INSERT INTO later (x) VALUES (1)", "UPDATE later SET x = 2", "DELETE FROM later"):
        database.execute(statement, role="evergreen", database="evergreen")
