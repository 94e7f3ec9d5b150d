"""Method 1: what the new token is, how long such tokens follow each other, and what ends them."""

import pytest
import time_machine
from flask import Flask, Response
from sqlalchemy import func, select, update

from tests.support import forge, people
from tests.support.meanwhile import elsewhere
from tests.support.renewals import HEADER, NOW, near_end, renewed
from tests.support.steps import DAY, HOUR, START, bearer, me, refresh
from webapp.database import Base, db
from webapp.models import SessionRefresh, User
from webapp.web import guard

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.parametrize("claims", [{}, {"rgen": 1}])
def test_the_new_token_stands_for_the_same_sign_in(signed_in: people.SignedIn, claims: dict[str, int]) -> None:
    """N06: same user, session, generation and instant of signing in; a day to live, its own id, never fresh."""
    old = near_end(signed_in.access, auth_time=NOW - 5 * HOUR, **claims)
    before, after = forge.read(old), forge.read(renewed(signed_in.http, old) or "")
    for name in ("sub", "sid", "rgen", "auth_time", "iss", "aud", "type"):
        assert after.get(name) == before.get(name)
    assert after["fresh"] is False
    assert (after["iat"], after["nbf"], after["exp"]) == (NOW, NOW, NOW + DAY)
    assert after["jti"] != before["jti"]


def test_no_token_says_what_its_user_may_do(app: Flask) -> None:
    """N06, V06: what a user may do is read from the row, so that a token cannot be out of date."""
    people.create_user(app, is_admin=True)
    client = people.sign_in(app.test_client())
    allowed = {"iss", "aud", "iat", "nbf", "exp", "jti", "sub", "sid", "type", "fresh", "auth_time"}
    new = renewed(client.http, near_end(client.access)) or ""
    for token in (client.access, new, refresh(client.http, client.refresh or "").json["access_token"]):
        assert set(forge.read(token)) <= allowed | {"rgen"}
        assert people.EMAIL not in str(forge.read(token))


def test_the_answer_of_a_renewal_is_stored_by_no_cache(app: Flask) -> None:
    """N03: whatever the view said is replaced, "must-revalidate" included."""

    def view() -> Response:
        return Response("ok", headers={"Cache-Control": "public, must-revalidate, s-maxage=600"})

    app.add_url_rule("/api/cacheable", "cacheable", guard.access_required(view))
    people.create_user(app)
    client = people.sign_in(app.test_client())
    reply = client.http.get("/api/cacheable", headers=bearer(near_end(client.access)))
    assert HEADER in reply.headers
    assert reply.headers.getlist("Cache-Control") == ["no-store"]


def test_renewals_stop_at_the_absolute_end_and_the_last_one_ends_there(
    signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """N05: renewed every 22.5 hours; at the end nothing more is gained, and nothing more is handed out."""
    end, token = NOW + 30 * DAY, signed_in.access
    for _ in range(31):
        clock.shift(22.5 * HOUR)
        token = renewed(signed_in.http, token) or token
        assert forge.read(token)["exp"] <= end
    assert forge.read(token)["exp"] == end
    clock.move_to(START.timestamp() + 30 * DAY - 1)
    assert renewed(signed_in.http, token) is None
    clock.shift(1)
    assert me(signed_in.http, token) == 401


def test_a_chain_of_renewals_dies_with_its_session(signed_in: people.SignedIn, clock: time_machine.Traveller) -> None:
    """N08, V01: five links, the middle one signs out."""
    chain = [signed_in.access]
    for _ in range(5):
        clock.shift(23 * HOUR)
        chain.append(renewed(signed_in.http, chain[-1]) or "")
    signed_in.http.post("/api/logout", headers=bearer(chain[2]))
    assert [me(signed_in.http, token) for token in chain] == [401] * 6


def test_a_token_minted_while_its_session_was_ended_is_dead_on_arrival(app: Flask) -> None:
    """N04: the row decides at its first use."""
    ended = []

    def sign_out() -> None:
        assert app.test_client().post("/api/logout", headers=bearer(ended[0])).status_code == 204

    def view() -> Response:
        elsewhere(sign_out)
        return Response("ok")

    app.add_url_rule("/api/slow", "slow", guard.access_required(view))
    people.create_user(app)
    client = people.sign_in(app.test_client())
    ended.append(client.access)
    reply = client.http.get("/api/slow", headers=bearer(near_end(client.access)))
    assert reply.status_code == 200
    assert me(client.http, reply.headers[HEADER]) == 401


def test_a_deactivated_user_is_not_renewed(app: Flask, signed_in: people.SignedIn) -> None:
    """N06, V06."""
    with app.app_context():
        db.session.execute(update(User).values(is_active=False))
        db.session.commit()
    reply = signed_in.http.get("/api/me", headers=bearer(near_end(signed_in.access)))
    assert (reply.status_code, HEADER in reply.headers) == (401, False)


def test_the_old_token_serves_on_and_renewing_stores_one_row_a_minute(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """N11: parallel requests with the old token all succeed, and no table grows with them."""

    def count() -> dict[str, int | None]:
        with app.app_context():
            tables = Base.metadata.sorted_tables
            return {table.name: db.session.scalar(select(func.count()).select_from(table)) for table in tables}

    before = count()
    old = near_end(signed_in.access)
    for minute in (1, 2):
        assert all(renewed(signed_in.http, old) for _ in range(20))
        assert count() == {**before, "session_refreshes": minute}
        clock.shift(60)
    with app.app_context():
        rows = db.session.scalars(select(SessionRefresh).order_by(SessionRefresh.id)).all()
    assert [(row.method, row.generation, row.session_id) for row in rows] == [("silent", 1, rows[0].session_id)] * 2
    assert (rows[0].at, forge.read(old)["sid"]) == (START, rows[0].session_id)
