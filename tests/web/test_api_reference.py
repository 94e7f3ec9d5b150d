"""docs/api.md is true: each of its requests, sent as it stands there, gets the answer that stands below it."""

import base64
import json
import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import api_reference, people
from tests.support.description import path_of
from tests.support.http_examples import LAST, REFUSED, SERVICE, TOKEN
from webapp.web.openapi.operations import OPERATIONS

EMAIL, PASSWORD = "user@example.com", "correct horse battery staple"
NAMES = {path_of(rule): operation.name for rule, operation in OPERATIONS.items()}
TAKE_A_REFRESH_TOKEN = {"refresh", "logout"}
# The examples hold no link, code or passkey that works; a token that does takes the place of theirs.
REFUSED_ALL_THE_SAME = {name: told for name, told in REFUSED.items() if name not in TAKE_A_REFRESH_TOKEN}


def examples() -> dict[str, tuple[str, str]]:
    """Return each call's request and answer, by the call's operationId."""
    _, *calls = api_reference.FILE.read_text(encoding="utf-8").split("\n### ")
    found = {}
    for call in calls:
        request, answer = re.findall(r"```http\n(.*?)\n```", call, re.DOTALL)
        found[NAMES[call.partition("\n")[0]]] = (request, answer)
    return found


def parts(message: str) -> tuple[str, dict[str, str], str]:
    """Return the first line, the headers and the body of a message."""
    head, _, body = message.partition("\n\n")
    first, *lines = head.split("\n")
    return first, dict(line.split(": ", 1) for line in lines), body


def send(http: FlaskClient, name: str, request: str) -> TestResponse:
    """Sign the user of the examples in, and send the request with tokens that work."""
    signed_in = people.sign_in(http, email=EMAIL, password=PASSWORD)
    line, headers, body = parts(request)
    method, address, _ = line.split(" ")
    service = base64.b64encode(":".join(SERVICE).encode()).decode()
    headers = {
        key: value.replace(TOKEN, signed_in.access).replace("Basic …", f"Basic {service}")
        for key, value in headers.items()
    }
    token = signed_in.refresh if name in TAKE_A_REFRESH_TOKEN else signed_in.access
    return http.open(address, method=method, headers=headers, data=body.replace(TOKEN, str(token)))


def test_there_is_an_example_of_every_call() -> None:
    assert examples().keys() == {operation.name for operation in OPERATIONS.values()}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_request_gets_the_answer_that_stands_below_it(make_app) -> None:
    app = make_app(introspection_clients=":".join(SERVICE))
    people.create_user(app, EMAIL, PASSWORD)
    told = examples()
    notices = {operation.name: operation.notice for operation in OPERATIONS.values()}
    for name in (*(name for name in told if name not in LAST), *LAST):
        if name == LAST[-1]:  # the account that the others are about has been closed
            people.create_user(app, EMAIL, PASSWORD)
        request, answer = told[name]
        reply = send(app.test_client(), name, request)
        line, headers, body = parts(answer)
        if name in REFUSED_ALL_THE_SAME:
            assert (reply.status_code, reply.get_json()["code"]) == REFUSED_ALL_THE_SAME[name], name
            continue
        assert reply.status_code == int(line.split(" ")[1]), (name, reply.text)
        assert bool(reply.data) == bool(body), name
        if body:
            assert reply.headers["Content-Type"] == headers["Content-Type"], name
            assert reply.get_json().keys() == json.loads(body).keys(), name
        if notices[name]:
            assert reply.get_json() == json.loads(body), name
