"""The second factor under twenty hands at once: a code works once, five wrong ones are judged (P10, P11, P12, P13)."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyotp
import pytest
import requests
from sqlalchemy import event

from tests.faults.accounts import (
    RECOVERY_CODES,
    Accounts,
    Browser,
    Person,
    events,
    ready_crowd,
    sign_in_from,
    status_and_code,
    tally,
)
from tests.faults.clients import Client, Reply
from tests.faults.servers import WORKERS, rows, wait_for_workers
from tests.support.live import LiveServer, serve
from tests.support.people import PASSWORD
from tests.support.settings import PUBLIC_URL, make_settings
from webapp import mfa, mfa_setup
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db
from webapp.errors import InvalidFields, SecondFactorState

CROWD = 20
LOSERS = CROWD - 1


@pytest.fixture
def accounts(server: LiveServer) -> Iterator[Accounts]:
    made = Accounts(server)
    yield made
    made.close()


def sessions(server: LiveServer, person: Person) -> int:
    (row,) = rows(server, "SELECT count(*) FROM auth_sessions WHERE user_id = :id", id=person.id)
    return int(row[0])


LOST = (401, "invalid_code")
NOT_JUDGED = (429, "too_many_attempts")


def _with_those_who_waited_too_long(replies: list[Reply], as_if: tuple[int, str] = LOST) -> dict[Any, int]:
    """Count what was said, taking who was told to come back (PostgreSQL's lock_timeout) for one more of `as_if`."""
    counts = tally(replies, status_and_code)
    if gone := counts.pop((503, "database_unavailable"), 0):
        counts[as_if] = counts.get(as_if, 0) + gone
    return counts


def test_one_of_twenty_signs_in_with_a_code(server: LiveServer, accounts: Accounts) -> None:
    """P10: three times over."""
    with ready_crowd(server, CROWD) as clients:
        for _ in range(3):
            person = accounts.create()
            body = person.sign_in_body(code=accounts.protect(person).codes()[1])
            replies = clients.at_once(lambda client, body: client.call("POST", "/api/login", body=body), [body] * CROWD)
            assert _with_those_who_waited_too_long(replies) == {(200, ""): 1, LOST: LOSERS}
            assert sessions(server, person) == 1


def test_one_of_twenty_signs_in_with_a_recovery_code(server: LiveServer, accounts: Accounts) -> None:
    """P13."""
    person = accounts.create()
    accounts.protect(person)
    body = person.sign_in_body(code=RECOVERY_CODES[0])
    with ready_crowd(server, CROWD) as clients:
        replies = clients.at_once(lambda client, body: client.call("POST", "/api/login", body=body), [body] * CROWD)
    assert _with_those_who_waited_too_long(replies) == {(200, ""): 1, LOST: LOSERS}
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


def test_no_more_wrong_codes_are_judged_at_once_than_one_after_the_other(
    server: LiveServer, accounts: Accounts, tmp_path: Path
) -> None:
    """P11: twenty guesses of one device's code, each from another address: five are judged, fifteen are not."""
    person = accounts.create()
    factor = accounts.protect(person)
    guesses = [(f"127.0.0.{number + 2}", code) for number, code in enumerate(factor.wrong_codes(CROWD))]
    database_url = server.settings["DATABASE_URL"]
    options = {"workers": WORKERS, "public_url": PUBLIC_URL, "ratelimit_enabled": "true"}
    with serve(tmp_path, database_url, **options) as limited, ready_crowd(limited, CROWD) as clients:
        wait_for_workers(limited)

        def guess(_: Client, given: tuple[str, str]) -> Reply:
            address, code = given
            return sign_in_from(limited, address, person.sign_in_body(code=code))

        replies = clients.at_once(guess, guesses)
        assert _with_those_who_waited_too_long(replies, NOT_JUDGED) == {LOST: 5, NOT_JUDGED: CROWD - 5}
        assert events(server, "code_failed", person) == 5
        body = person.sign_in_body(code=factor.codes()[1])
        assert sign_in_from(limited, "127.0.0.250", body).status == 429, "the right code has to wait too"
        assert "unexpected error" not in limited.log


def test_no_more_wrong_passwords_are_judged_at_once_than_one_after_the_other(
    server: LiveServer, accounts: Accounts, tmp_path: Path
) -> None:
    """A11, A12: forty guesses of one password, the right one among them: no more than ten are judged."""
    person = accounts.create()
    options = {"workers": WORKERS, "public_url": PUBLIC_URL, "ratelimit_enabled": "true"}
    with serve(tmp_path, server.settings["DATABASE_URL"], **options) as limited, ready_crowd(limited, 40) as clients:
        wait_for_workers(limited)

        def guess(_: Client, number: int) -> Reply:
            return sign_in_from(limited, f"127.0.0.{number + 2}", person.sign_in_body(password=f"guess {number}"))

        replies = clients.at_once(guess, range(40))
        judged = {(401, "invalid_credentials"): 10, NOT_JUDGED: 30}
        assert _with_those_who_waited_too_long(replies, NOT_JUDGED) == judged
        assert events(server, "sign_in_failed", person) == 10
        assert sign_in_from(limited, "127.0.0.250", person.sign_in_body()).status == 429
        assert "unexpected error" not in limited.log


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


# --- two tabs --------------------------------------------------------------------------------------------


@contextmanager
def meanwhile(statement: str, act: Any) -> Iterator[list[Reply]]:
    """Let the server do `act` when this process is about to send `statement`; it may have to wait for this process."""
    replies: list[Reply] = []
    with ThreadPoolExecutor(1) as thread:
        tasks: list[Any] = []

        def before(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
            if sql.startswith(statement) and not tasks:
                tasks.append(thread.submit(act))
                wait(tasks, timeout=2)

        event.listen(db.engine, "before_cursor_execute", before)
        try:
            yield replies
        finally:
            event.remove(db.engine, "before_cursor_execute", before)
            assert tasks, f"nothing began with {statement}"
            replies.extend(task.result() for task in tasks)


def opens(client: Client, person: Person, totp: pyotp.TOTP) -> bool:
    """Whether the next code of the device opens the account; the present one may be spent."""
    body = person.sign_in_body(code=totp.at(int(time.time()) + mfa.STEP_SECONDS))
    return client.call("POST", "/api/login", body=body).status == 200


def test_a_device_that_is_confirmed_beside_a_new_beginning_stays_the_one(
    server: LiveServer, client: Client, accounts: Accounts
) -> None:
    """P12: a second tab has a secret made anew while the first confirms: what was confirmed opens the account."""
    person = accounts.create()
    access = client.call("POST", "/api/login", body=person.sign_in_body()).access
    totp = pyotp.TOTP(client.call("POST", "/api/me/totp", bearer=access).body["secret"])

    def confirm() -> Reply:
        return client.call("POST", "/api/me/totp/confirm", bearer=access, body={"code": totp.now()})

    with accounts.app.app_context(), meanwhile("UPDATE users SET totp_seed", confirm) as confirmed:
        try:
            begun = mfa_setup.begin(db.session, make_settings(), user_id=person.id)
        except SecondFactorState:
            begun = None
        db.session.rollback()
    assert (confirmed[0].status == 200) == (begun is None), "either the old secret counts, or the new one"
    if begun is None:
        assert opens(client, person, totp)


def test_a_confirmation_does_not_turn_on_a_secret_that_was_made_since(
    server: LiveServer, client: Client, accounts: Accounts
) -> None:
    """P12: the same, the other way round."""
    person = accounts.create()
    reply = client.call("POST", "/api/login", body=person.sign_in_body())
    totp = pyotp.TOTP(client.call("POST", "/api/me/totp", bearer=reply.access).body["secret"])
    (row,) = rows(server, "SELECT id FROM auth_sessions WHERE user_id = :id", id=person.id)
    who = {"user_id": person.id, "sid": row[0], "client": COMMAND_LINE, "now": utc_now()}

    def begin() -> Reply:
        return client.call("POST", "/api/me/totp", bearer=reply.access)

    with accounts.app.app_context(), meanwhile("UPDATE users SET totp_enabled_at", begin):
        try:
            is_on = bool(mfa_setup.confirm(db.session, make_settings(), code=totp.now(), **who))
        except (SecondFactorState, InvalidFields):
            is_on = False
        db.session.rollback()
    assert not is_on or opens(client, person, totp)
