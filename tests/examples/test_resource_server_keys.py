"""The service of examples/resource-server while Evergreen's keys change, and while Evergreen is away."""

from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.examples.resource_service import (
    UNAUTHORIZED,
    UNAVAILABLE,
    serve_both,
    serve_service,
    sign_in,
    signed_by,
    welcome,
)
from tests.support.forge import read
from tests.support.key_pairs import ED25519, P256, pem
from tests.support.pair_forgeries import forgeries


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
