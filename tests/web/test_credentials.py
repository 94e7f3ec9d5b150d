"""Each door takes its own kind of token, of this installation and of a user who is there: T02, T05, T06, T20."""

import select
import socket

import pytest

from tests.support import people
from tests.support.doors import DOORS, ask, assert_401b, bearer, in_json
from tests.support.forge import forge
from webapp.database import db
from webapp.models import User

REFRESHING = {name: request_with for name, (_, request_with) in DOORS.items() if name.startswith("refresh")}


@pytest.mark.parametrize("request_with", REFRESHING.values(), ids=REFRESHING)
def test_a_refresh_token_opens_no_api_and_an_access_token_refreshes_nothing(
    bare, signed_in, by_cookie_session, request_with
) -> None:
    """T05"""
    for session in (signed_in, by_cookie_session):
        assert_401b(bare.get("/api/me", headers={"Authorization": f"Bearer {session.refresh}"}))
        assert_401b(bare.open(**request_with(session.access)))


@pytest.mark.parametrize("public_url", ["http://other.example", "http://localhost:8001", "http://localhost:80"])
def test_tokens_of_another_installation_with_the_same_key_are_refused(make_app, bare, user_id, public_url) -> None:
    """T06"""
    theirs = people.sign_in(make_app(public_url=public_url).test_client())
    assert_401b(ask(bare.application, bearer("/api/me", "GET")(theirs.access)))
    assert_401b(ask(bare.application, bearer("/api/refresh")(theirs.refresh)))


@pytest.mark.parametrize("field", ["jku", "x5u", "jwk"])
def test_no_address_in_a_header_is_called(bare, signed_in, field) -> None:
    """T02"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/jwks.json"
        for key in ("k" * 32, None):
            signed = forge(signed_in.access, header={field: url}, **({"key": key} if key else {}))
            assert_401b(signed_in.me(signed))
        assert select.select([listener], [], [], 0)[0] == []


def test_a_deleted_users_tokens_do_not_open_the_next_account_of_that_address(app, http, user_id, signed_in) -> None:
    """T20"""
    with app.app_context():
        db.session.delete(db.session.get_one(User, user_id))
        db.session.commit()
    for _ in range(2):
        assert_401b(signed_in.me())
        for request_with in (in_json, bearer("/api/refresh")):
            assert_401b(ask(app, request_with(signed_in.refresh)))
        if _ == 0:
            assert people.create_user(app) != user_id
    assert people.sign_in(http).me().status_code == 200


def test_a_token_speaks_for_the_user_of_its_session_only(app, signed_in) -> None:
    """T20: even rightly signed, `sub` and `sid` have to belong together."""
    other = people.create_user(app, "other@test.com")
    for sub in (str(other), "999999999999999999"):
        assert_401b(signed_in.me(forge(signed_in.access, sub=sub)))
        assert_401b(ask(app, in_json(forge(signed_in.refresh, sub=sub))))
    assert signed_in.me().status_code == 200
