"""Other people's libraries take our tokens and refuse what we refuse, and we take theirs (joserfc, jwcrypto, authlib,
jose of npm)."""

from collections.abc import Iterator

import pytest
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm

from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.foreign_jose import LIBRARIES, Expected, Json
from tests.support.foreign_tokens import REFUSED_BY_ALL, STRICTER, OurToken, forged, made, resigned
from tests.support.forge import read
from tests.support.key_pairs import pem
from tests.support.pair_forgeries import PAIRS
from tests.support.settings import PUBLIC_URL, SECRET_KEY, make_settings
from tests.support.steps import me, refresh
from webapp import create_app
from webapp.keys import shared_key

KINDS = [("HS256", "access"), ("HS256", "refresh"), ("EdDSA", "access"), ("ES256", "access")]


def _private(algorithm: str) -> Json:
    if algorithm == "HS256":
        return dict(HMACAlgorithm.to_jwk(SECRET_KEY.encode(), as_dict=True))
    return dict((OKPAlgorithm if algorithm == "EdDSA" else ECAlgorithm).to_jwk(PAIRS[algorithm], as_dict=True))


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def ours(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OurToken]:
    algorithm, kind = request.param
    url = fresh_database("sqlite", tmp_path_factory.mktemp("foreign"))
    pair = pem(PAIRS[algorithm]) if algorithm in PAIRS else ""
    app = create_app(make_settings(database_url=url, jwt_signing_key=pair))
    people.create_user(app)
    session = people.sign_in(app.test_client())
    keys, jwk = app.test_client().get("/.well-known/jwks.json").json, _private(algorithm)
    if algorithm == "HS256":  # nobody publishes it: whoever verifies by it could sign as well
        keys = {"keys": [{**jwk, "kid": shared_key(SECRET_KEY).id, "alg": "HS256", "use": "sig"}]}
    audience, typ = (f"{PUBLIC_URL}/api", "at+jwt") if kind == "access" else (f"{PUBLIC_URL}/api/refresh", "rt+jwt")
    text = session.access if kind == "access" else session.refresh or ""
    yield OurToken(app, kind, text, keys, jwk, Expected(algorithm, PUBLIC_URL, audience, typ))
    with app.app_context():
        close_connections()


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_takes_what_we_sign(ours: OurToken, library: str) -> None:
    """And a token signed anew, unchanged: else the refusals below would show nothing but a bad forger."""
    verify, anew = LIBRARIES[library].verify, resigned()(ours)
    assert verify([ours.text, anew], ours.keys, ours.expected) == [read(ours.text)] * 2
    assert ours.is_taken_by_us(anew)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_refuses_what_we_refuse(ours: OurToken, library: str) -> None:
    """T01 to T04, and claims that are not for the one who reads them."""
    wrong = {**forged(ours), **made(ours, REFUSED_BY_ALL)}
    assert ours.taken(library, wrong) == set()
    assert {name for name, token in wrong.items() if ours.is_taken_by_us(token)} == set()


def test_where_we_are_stricter_somebody_is_not(ours: OurToken) -> None:
    odd = made(ours, STRICTER)
    assert set().union(*(ours.taken(library, odd) for library in LIBRARIES)) == set(odd)
    assert {name for name, token in odd.items() if ours.is_taken_by_us(token)} == set()


@pytest.mark.parametrize("library", LIBRARIES)
def test_we_take_what_a_library_signs_with_our_key(ours: OurToken, library: str) -> None:
    """Its JSON has other spaces and another order than ours."""
    claims = {**dict(reversed(read(ours.text).items())), "jti": library}
    token = LIBRARIES[library].sign(ours.header, claims, ours.jwk)
    assert read(token) == claims
    http = ours.app.test_client()
    assert (me(http, token) if ours.kind == "access" else refresh(http, token).status_code) == 200
