"""Forgeries where the verifying half of a key is public: T01 to T04 under EdDSA and ES256."""

from collections.abc import Iterator
from typing import NamedTuple

import jwt
import pytest
from flask import Flask

from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.forge import read
from tests.support.key_pairs import pem
from tests.support.pair_forgeries import PAIRS, forgeries
from tests.support.settings import make_settings
from tests.support.steps import assert_refused, bearer, me, refresh
from webapp import create_app
from webapp.keys import key_pairs


class Paired(NamedTuple):
    """An application whose access tokens a pair signs, and the tokens of a session there."""

    app: Flask
    algorithm: str
    access: str
    refresh: str


@pytest.fixture(scope="module", params=PAIRS)
def paired(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paired]:
    """One for the file, and on SQLite alone: what is refused here is refused before a database is asked."""
    url = fresh_database("sqlite", tmp_path_factory.mktemp("pair"))
    app = create_app(make_settings(database_url=url, jwt_signing_key=pem(PAIRS[request.param])))
    people.create_user(app)
    tokens = people.sign_in(app.test_client())
    yield Paired(app, request.param, tokens.access, tokens.refresh or "")
    with app.app_context():
        close_connections()


def test_who_has_the_private_half_signs_as_we_do(paired: Paired) -> None:
    """Without this, the refusals below would show nothing but a bad forger."""
    header, claims = jwt.get_unverified_header(paired.access), read(paired.access)
    text = jwt.encode({**claims, "jti": "x"}, PAIRS[paired.algorithm], paired.algorithm, headers=header)
    assert me(paired.app.test_client(), text) == 200


@pytest.mark.parametrize("name", forgeries("EdDSA"))
def test_who_knows_the_public_half_can_forge_nothing(paired: Paired, name: str) -> None:
    """T01 to T04 where a key is public."""
    forge = forgeries(paired.algorithm)[name]
    forged = forge(paired.access, jwt.get_unverified_header(paired.access), read(paired.access))
    assert_refused(paired.app.test_client().get("/api/me", headers=bearer(forged)), "invalid_token")


def test_the_pair_is_no_key_of_refresh_tokens(paired: Paired) -> None:
    """Whoever gets hold of it can sign access tokens, and renew none."""
    key = PAIRS[paired.algorithm]
    header = {**jwt.get_unverified_header(paired.refresh), "alg": paired.algorithm, "kid": key_pairs(pem(key))[0].id}
    forged = jwt.encode(read(paired.refresh), key, paired.algorithm, headers=header)
    assert_refused(refresh(paired.app.test_client(), forged), "invalid_token")
