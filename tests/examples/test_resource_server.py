"""The service of examples/resource-server: one route verifies access tokens by itself, one asks Evergreen."""

from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import jwt
import pytest
import requests

from tests.examples.resource_service import (
    FOLDER,
    TIMEOUT,
    UNAUTHORIZED,
    UNAVAILABLE,
    Service,
    serve_both,
    serve_service,
    sign_in,
    signed_by,
    welcome,
)
from tests.examples.serving import begin_anew
from tests.support.forge import read
from tests.support.key_pairs import ED25519, P256, pem
from tests.support.pair_forgeries import PAIRS, forgeries

DAY = 86_400


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Both, with a pair of either kind: the first signs, and what is signed with the second is good as well."""
    with serve_both(tmp_path_factory.mktemp("service"), pem(ED25519) + pem(P256)) as service:
        yield service


@pytest.fixture
def service(running: Service) -> Service:
    begin_anew(running.api)
    return running


@pytest.fixture(params=PAIRS)
def token(request: pytest.FixtureRequest, service: Service) -> str:
    """A good access token, signed by each algorithm."""
    return signed_by(request.param, sign_in(service.api)["access_token"])


def test_a_good_token_opens_both_routes(service: Service, token: str) -> None:
    assert service.answers(token) == welcome(token)


def test_who_sends_no_token_is_told_that_one_is_needed(service: Service) -> None:
    """RFC 6750 §3: no error code where nothing was tried."""
    for nothing in (None, "", "no/token", "x" * 4097):
        assert service.answers(nothing) == [(401, 'Bearer realm="warehouse"')] * 2
    assert "POST /api/introspect" not in service.api.log


def test_after_signing_out_only_who_asks_knows(service: Service) -> None:
    """V04: what verifying by itself gives up."""
    tokens = sign_in(service.api)
    assert service.answers(tokens["access_token"]) == welcome(tokens["access_token"])
    body = {"refresh_token": tokens["refresh_token"]}
    assert requests.post(f"{service.api.url}/api/logout", json=body, timeout=TIMEOUT).status_code == 204
    assert service.answers(tokens["access_token"]) == [welcome(tokens["access_token"])[0], UNAUTHORIZED]


def test_an_expired_token_opens_neither(service: Service) -> None:
    service.api.move_clock(-DAY - 60)
    token = sign_in(service.api)["access_token"]
    service.api.move_clock(0)
    assert service.answers(token) == [UNAUTHORIZED] * 2


def test_a_refresh_token_opens_neither(service: Service) -> None:
    assert service.answers(sign_in(service.api)["refresh_token"]) == [UNAUTHORIZED] * 2


Change = Callable[[dict[str, Any], dict[str, Any]], tuple[dict[str, Any], dict[str, Any]]]
MISMADE: dict[str, Change] = {
    "audience": lambda header, claims: (header, {**claims, "aud": "https://elsewhere.example/api"}),
    "two audiences": lambda header, claims: (header, {**claims, "aud": [claims["aud"], "https://elsewhere.example"]}),
    "audience of refresh tokens": lambda header, claims: (header, {**claims, "aud": f"{claims['aud']}/refresh"}),
    "issuer": lambda header, claims: (header, {**claims, "iss": "https://elsewhere.example"}),
    "no expiry": lambda header, claims: (header, {name: claims[name] for name in claims if name != "exp"}),
    "no session": lambda header, claims: (header, {name: claims[name] for name in claims if name != "sid"}),
    "not valid yet": lambda header, claims: (header, {**claims, **dict.fromkeys(("nbf", "iat"), claims["iat"] + 600)}),
    "typ of any JWT": lambda header, claims: ({**header, "typ": "JWT"}, claims),
    "typ of refresh tokens": lambda header, claims: ({**header, "typ": "rt+jwt"}, claims),
}


@pytest.mark.parametrize("name", MISMADE)
def test_a_token_for_somebody_else_opens_neither_though_the_right_key_signed_it(
    service: Service, token: str, name: str
) -> None:
    header, claims = MISMADE[name](jwt.get_unverified_header(token), read(token))
    made = jwt.encode(claims, PAIRS[header["alg"]], header["alg"], headers=header)
    assert service.answers(made) == [UNAUTHORIZED] * 2


@pytest.mark.parametrize("name", forgeries("EdDSA"))
def test_a_forged_token_opens_neither(service: Service, token: str, name: str) -> None:
    """T01 to T04."""
    header = jwt.get_unverified_header(token)
    forged = forgeries(header["alg"])[name](token, header, read(token))
    assert service.answers(forged) == [UNAUTHORIZED] * 2


def test_a_service_with_a_wrong_secret_blames_no_token(service: Service, token: str) -> None:
    with serve_service(service.api, secret="not-the-secret") as other:
        assert other.answers(token) == [welcome(token)[0], UNAVAILABLE]
    assert "invalid_client" in (service.api.folder / "service.log").read_text()


def test_its_pins_are_the_versions_that_are_tested() -> None:
    for pin in (FOLDER / "requirements.txt").read_text().split():
        name, _, pinned = pin.partition("==")
        assert version(name.partition("[")[0]) == pinned, f"examples/resource-server/requirements.txt: {name}"
