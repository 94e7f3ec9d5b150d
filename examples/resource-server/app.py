"""A service of somebody else: it knows no password and no session, and is called with Evergreen's access tokens.

`/stock` verifies a token by itself. `/orders` asks Evergreen, which also knows whether the session still lives."""

import os
import re
from typing import Any

import jwt
import requests
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

EVERGREEN = os.environ.get("EVERGREEN_URL", "http://localhost:8000")  # its PUBLIC_URL, to the letter
CLIENT = (os.environ["INTROSPECTION_NAME"], os.environ["INTROSPECTION_SECRET"])
AUDIENCE = f"{EVERGREEN}/api"
CLAIMS = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "sid", "auth_time"]
TOKEN = re.compile(r"[A-Za-z0-9._-]{1,4096}")
SKEW = TIMEOUT = 5  # seconds

app = Flask(__name__)


class NoToken(jwt.InvalidTokenError):
    """No token came along, or what came cannot be one."""


class EvergreenAway(Exception):
    """Nothing can be said of the token: that is no fault of whoever sent it."""


class EvergreenKeys(jwt.PyJWKClient):
    """The public keys: fetched again after five minutes, and for a key id that is new, then at most twice a minute.

    While Evergreen is away, those it had last."""

    last: Any = None

    def fetch_data(self) -> Any:
        try:
            self.last = super().fetch_data()
        except (jwt.PyJWTError, OSError, ValueError) as error:
            if self.last is None:
                raise EvergreenAway from error
        return self.last


keys = EvergreenKeys(f"{EVERGREEN}/.well-known/jwks.json", timeout=TIMEOUT)


def verify(token: str) -> dict[str, Any]:
    """Return the claims of an access token by its signature alone: good until it expires, whatever happens meanwhile.

    Raises jwt.PyJWTError unless it is Evergreen's (RFC 9068 §4), EvergreenAway if no keys are known yet."""
    header = jwt.get_unverified_header(token)
    # Evergreen signs more than access tokens, and a key is looked up by nothing but its name.
    if header.get("typ") != "at+jwt" or "kid" not in header:
        raise jwt.InvalidTokenError
    return jwt.decode(
        token,
        keys.get_signing_key(header["kid"]),
        algorithms=["EdDSA", "ES256"],  # never what the header says: a public key would do as the secret of HS256
        issuer=EVERGREEN,
        audience=AUDIENCE,
        leeway=SKEW,
        options={"require": CLAIMS, "strict_aud": True},
    )


def ask(token: str) -> dict[str, Any]:
    """Return what Evergreen says of a token that opens something at this moment (RFC 7662).

    Raises jwt.InvalidTokenError if it opens nothing, EvergreenAway if there is no answer to rely on."""
    try:
        reply = requests.post(
            f"{AUDIENCE}/introspect", data={"token": token}, auth=CLIENT, timeout=TIMEOUT, allow_redirects=False
        )
        answer: dict[str, Any] = reply.json()
    except requests.RequestException as error:
        raise EvergreenAway from error
    if reply.status_code != requests.codes.ok:
        app.logger.error("Evergreen does not answer our question: %s", answer)
        raise EvergreenAway
    if answer["active"] is not True or answer["aud"] != AUDIENCE:
        raise jwt.InvalidTokenError
    return answer


def bearer_token() -> str:
    """Return the token that was sent along (RFC 6750 §2.1); raises NoToken."""
    sent = request.authorization
    if sent is None or sent.type != "bearer" or not TOKEN.fullmatch(sent.token or ""):
        raise NoToken
    return sent.token or ""


@app.errorhandler(jwt.PyJWTError)
def unauthorized(error: jwt.PyJWTError) -> ResponseReturnValue:
    """RFC 6750 §3: who sent no token is told that one is needed, and no more."""
    fault = "" if isinstance(error, NoToken) else ', error="invalid_token"'
    return {"error": "unauthorized"}, 401, {"WWW-Authenticate": f'Bearer realm="warehouse"{fault}'}


@app.errorhandler(EvergreenAway)
def unavailable(_: Exception) -> ResponseReturnValue:
    """Not 401: the client would throw away a token that may be good."""
    return {"error": "unavailable"}, 503, {"Retry-After": "5"}


@app.get("/stock")
def stock() -> ResponseReturnValue:
    claims = verify(bearer_token())
    return jsonify(user=claims["sub"], stock={"Norway spruce": 12, "Scots pine": 7})


@app.post("/orders")
def order() -> ResponseReturnValue:
    user = ask(bearer_token())
    return jsonify(user=user["sub"], ordered=request.get_json(silent=True))
