"""The service of examples/resource-server: one route verifies access tokens by itself, one asks Evergreen."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.examples.serving import begin_anew, serve_api, wait_for
from tests.support.forge import read
from tests.support.live import LiveServer, free_port
from tests.support.pair_forgeries import PAIRS, forgeries
from tests.support.people import EMAIL, PASSWORD
from tests.support.programs import clean_environment, started
from tests.unit.test_key_rings import ED25519, P256, pem
from webapp.config import ROOT
from webapp.keys import key_pairs

FOLDER = ROOT / "examples/resource-server"
NAME, SECRET = "warehouse", "introspection-secret-0123456789-abcdef"
DAY, TIMEOUT = 86_400, 30  # seconds
UNAUTHORIZED, UNAVAILABLE = (401, 'Bearer realm="warehouse", error="invalid_token"'), (503, None)


@dataclass
class Service:
    """The running example, the API that it works for, and the file with which its keys age."""

    url: str
    api: LiveServer
    clock: Path

    def answers(self, token: str | None) -> list[Any]:
        """What a call of either route says: 200 and whose the token is, or a status and its challenge."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        replies = [
            requests.get(f"{self.url}/stock", headers=headers, timeout=TIMEOUT),
            requests.post(f"{self.url}/orders", headers=headers, json={"Scots pine": 1}, timeout=TIMEOUT),
        ]
        return [
            (200, reply.json()["user"]) if reply.ok else (reply.status_code, reply.headers.get("WWW-Authenticate"))
            for reply in replies
        ]

    def fetches(self) -> int:
        """How often the public keys were fetched."""
        return self.api.log.count("GET /.well-known/jwks.json 200")


@contextmanager
def serve_service(api: LiveServer, *, secret: str = SECRET) -> Iterator[Service]:
    port, clock = free_port(), api.folder / "service-clock"
    clock.write_text("0")
    environment = clean_environment(
        EVERGREEN_URL=api.url, INTROSPECTION_NAME=NAME, INTROSPECTION_SECRET=secret, PYTHONPATH=str(ROOT),
        SERVICE_CLOCK=str(clock),
    )  # fmt: skip
    command = [sys.executable, "-m", "flask", "--app", "tests.examples.aging_service", "run", "--port", str(port)]
    with (
        (api.folder / "service.log").open("ab") as log,
        started(command, cwd=FOLDER, env=environment, output=log.fileno()) as program,
    ):
        wait_for(program, port)
        yield Service(f"http://localhost:{port}", api, clock)


@contextmanager
def serve_both(folder: Path, keys: str, **options: Any) -> Iterator[Service]:
    settings = {"jwt_signing_key": keys, "introspection_clients": f"{NAME}:{SECRET}"}
    with serve_api(folder, **settings) as api, serve_service(api, **options) as service:
        yield service


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


def signed_by(algorithm: str, token: str, **changed: Any) -> str:
    """Return the token with header fields changed, signed anew with the pair of that algorithm."""
    (key,) = key_pairs(pem(PAIRS[algorithm]))
    header = {**jwt.get_unverified_header(token), "alg": algorithm, "kid": key.id, **changed}
    return jwt.encode(read(token), key.signs_with, algorithm, headers=header)


def sign_in(api: LiveServer) -> dict[str, Any]:
    body = {"email": EMAIL, "password": PASSWORD, "transport": "body"}
    reply = requests.post(f"{api.url}/api/login", json=body, timeout=TIMEOUT)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def welcome(token: str) -> list[Any]:
    return [(200, read(token)["sub"])] * 2


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


# --- what may happen to Evergreen ------------------------------------------------------------------------


def test_a_change_of_keys_is_not_noticed_and_an_unknown_one_is_looked_up(tmp_path: Path) -> None:
    """O03: the steps of docs/operations.md five minutes apart, then one without them; T03 for strangers' key ids."""
    old, new = pem(ED25519), pem(P256)
    with serve_both(tmp_path, old) as service:
        first = sign_in(service.api)["access_token"]
        assert service.answers(first) == welcome(first)
        for age, keys in ((0, old + new), (301, new + old)):
            service.clock.write_text(str(age))
            service.api.restart(jwt_signing_key=keys)
            token = sign_in(service.api)["access_token"]
            assert service.answers(token) == welcome(token)
            assert service.answers(first) == welcome(first)
        assert jwt.get_unverified_header(token)["alg"] == "ES256"

        service.api.restart(jwt_signing_key=pem(Ed25519PrivateKey.generate()) + new)
        unannounced = sign_in(service.api)["access_token"]
        assert service.answers(unannounced) == [UNAUTHORIZED, welcome(unannounced)[1]]
        service.clock.write_text(str(301 + 31))
        assert service.answers(unannounced) == welcome(unannounced)
        before = service.fetches()
        for number in range(20):
            assert service.answers(signed_by("ES256", token, kid=f"{number}")) == [UNAUTHORIZED] * 2
        assert service.fetches() == before, "a key id that nobody knows made the service call Evergreen"
        print(f"O03: {before} fetches of the keys; none more for 20 unknown key ids within 30 seconds")


def test_while_evergreen_is_away_keys_serve_and_questions_fail_closed(tmp_path: Path) -> None:
    pair = pem(ED25519)
    with serve_both(tmp_path, pair) as service, serve_service(service.api) as newcomer:
        token = sign_in(service.api)["access_token"]
        forged = forgeries("EdDSA")["T04 changed claims"](token, jwt.get_unverified_header(token), read(token))
        assert service.answers(token) == welcome(token)
        service.api.stop()
        for age in ("0", "301", "3600"):
            service.clock.write_text(age)
            assert service.answers(token) == [welcome(token)[0], UNAVAILABLE]
            assert service.answers(forged) == [UNAUTHORIZED, UNAVAILABLE]
        assert newcomer.answers(token) == [UNAVAILABLE] * 2, "it has never heard of a key"
        service.api.restart(jwt_signing_key="")
        by_secret = sign_in(service.api)["access_token"]
        assert newcomer.answers(by_secret) == [UNAVAILABLE, welcome(by_secret)[1]], "nothing is published"
        service.api.restart(jwt_signing_key=pair)
        assert service.answers(token) == newcomer.answers(token) == welcome(token)


def test_its_pins_are_the_versions_that_are_tested() -> None:
    for pin in (FOLDER / "requirements.txt").read_text().split():
        name, _, pinned = pin.partition("==")
        assert version(name.partition("[")[0]) == pinned, f"examples/resource-server/requirements.txt: {name}"
