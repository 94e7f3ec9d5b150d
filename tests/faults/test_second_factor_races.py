"""The second factor under twenty hands at once: a code works once (P10, P11, P12, P13)."""

from contextlib import ExitStack

import pyotp
import requests

from tests.faults.accounts import (
    LOST,
    RECOVERY_CODES,
    Accounts,
    Browser,
    events,
    ready_crowd,
    sessions,
    status_and_code,
    tally,
)
from tests.faults.clients import Client
from tests.faults.servers import rows
from tests.support.live import LiveServer
from tests.support.people import PASSWORD

CROWD = 20
LOSERS = CROWD - 1


def test_one_of_twenty_signs_in_with_a_code(server: LiveServer, accounts: Accounts) -> None:
    """P10: three times over."""
    with ready_crowd(server, CROWD) as clients:
        for _ in range(3):
            person = accounts.create()
            body = person.sign_in_body(code=accounts.protect(person).codes()[1])
            replies = clients.at_once(lambda client, body: client.call("POST", "/api/login", body=body), [body] * CROWD)
            assert tally(replies, status_and_code) == {(200, ""): 1, LOST: LOSERS}
            assert sessions(server, person) == 1


def test_one_of_twenty_signs_in_with_a_recovery_code(server: LiveServer, accounts: Accounts) -> None:
    """P13."""
    person = accounts.create()
    accounts.protect(person)
    body = person.sign_in_body(code=RECOVERY_CODES[0])
    with ready_crowd(server, CROWD) as clients:
        replies = clients.at_once(lambda client, body: client.call("POST", "/api/login", body=body), [body] * CROWD)
    assert tally(replies, status_and_code) == {(200, ""): 1, LOST: LOSERS}
    assert rows(server, "SELECT count(*) FROM recovery_codes WHERE user_id = :id", id=person.id)[0][0] == 1
    assert (sessions(server, person), events(server, "recovery_code_used", person)) == (1, 1)


def test_a_sign_in_that_waits_for_its_code_is_finished_once(server: LiveServer, accounts: Accounts) -> None:
    """P11: the three codes that are right at the moment, all sent at once beside one password, open one session."""
    person = accounts.create()
    factor = accounts.protect(person)
    first = Browser(server).open("/login")
    answer = first.send(email=person.email, password=PASSWORD)
    assert answer.headers["Location"] == "/login/code"
    with ExitStack() as stack, ready_crowd(server, CROWD) as clients:
        browsers = [Browser(server, cookies=first.http) for _ in range(CROWD)]
        for browser in (first, *browsers):
            stack.callback(browser.close)
        clients.at_once(lambda _, browser: browser.open("/login/code"), browsers)
        sent = list(zip(browsers, (factor.codes() * CROWD)[:CROWD], strict=True))
        answers = clients.at_once(lambda _, pair: pair[0].send(code=pair[1]), sent)

    def what(answer: requests.Response) -> str:
        led_in = "refresh_token" in answer.cookies
        return "in" if led_in else {303: "sign in again", 422: "wrong code"}.get(answer.status_code, answer.text)

    came = tally(answers, what)
    assert came.pop("in") == 1
    assert set(came) <= {"sign in again", "wrong code"}
    assert sessions(server, person) == 1


def test_one_of_twenty_turns_the_second_factor_on(server: LiveServer, client: Client, accounts: Accounts) -> None:
    """P10, P12: only that one is shown recovery codes, and they are the ones that open the account."""
    person = accounts.create()
    access = client.call("POST", "/api/login", body=person.sign_in_body()).access
    secret = client.call("POST", "/api/me/totp", bearer=access).body["secret"]
    code = pyotp.TOTP(secret).now()
    with ready_crowd(server, CROWD) as clients:
        replies = clients.at_once(
            lambda client, code: client.call("POST", "/api/me/totp/confirm", bearer=access, body={"code": code}),
            [code] * CROWD,
        )
    assert tally(replies, status_and_code) == {(200, ""): 1, (409, "second_factor_state"): LOSERS}
    codes = next(reply.body["recovery_codes"] for reply in replies if reply.status == 200)
    assert rows(server, "SELECT count(*) FROM recovery_codes WHERE user_id = :id", id=person.id)[0][0] == len(codes)
    for shown in (codes[0], codes[-1]):
        assert client.call("POST", "/api/login", body=person.sign_in_body(code=shown)).status == 200
    assert client.call("POST", "/api/login", body=person.sign_in_body(code=code)).code == "invalid_code"


def test_a_recovery_code_and_who_takes_the_second_factor_away_do_not_wait_in_a_circle(
    server: LiveServer, client: Client, accounts: Accounts
) -> None:
    """P13: either comes first; nobody is told that the database is away."""
    with ready_crowd(server, 2) as clients:
        for _ in range(10):
            person = accounts.create()
            access = client.call("POST", "/api/login", body=person.sign_in_body()).access
            accounts.protect(person)
            calls = [
                ("POST", "/api/login", None, person.sign_in_body(code=RECOVERY_CODES[-1])),
                ("DELETE", "/api/me/totp", access, {"password": PASSWORD}),
            ]
            replies = clients.at_once(
                lambda client, given: client.call(given[0], given[1], bearer=given[2], body=given[3]), calls
            )
            assert replies[1].status == 204
            assert status_and_code(replies[0]) in ((200, ""), (401, "invalid_code"))
