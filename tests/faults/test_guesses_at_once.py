"""Many guesses at once are judged no more often than one after the other (A11, A12, P11)."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults.accounts import (
    LOST,
    NOT_JUDGED,
    Accounts,
    Browser,
    events,
    ready_crowd,
    sign_in_from,
    status_and_code,
    tally,
)
from tests.faults.clients import Client, Reply
from tests.faults.servers import WORKERS, wait_for_workers
from tests.support.live import LiveServer, serve
from tests.support.people import PASSWORD
from tests.support.settings import PUBLIC_URL, make_settings
from webapp.clock import utc_now
from webapp.known_devices import NOBODY, write

CROWD = 20


@pytest.fixture
def limited(server: LiveServer, tmp_path: Path) -> Iterator[LiveServer]:
    """A second server over the database, which counts what an address and an account may."""
    options = {"workers": WORKERS, "public_url": PUBLIC_URL, "ratelimit_enabled": "true"}
    with serve(tmp_path, server.settings["DATABASE_URL"], **options) as limited:
        wait_for_workers(limited)
        yield limited
        assert "unexpected error" not in limited.log


@pytest.mark.parametrize("is_known", [False, True])
def test_no_more_wrong_codes_are_judged_at_once_than_one_after_the_other(
    server: LiveServer, limited: LiveServer, accounts: Accounts, is_known: bool
) -> None:
    """P11: twenty guesses of one device's code, each from another address: five are judged, fifteen are not."""
    person = accounts.create()
    factor = accounts.protect(person)
    signed_in_at = utc_now() + timedelta(seconds=1)  # cookies tell whole seconds: after the second factor was turned on
    device = write(make_settings(), NOBODY, user_id=person.id, now=signed_in_at)
    own = f"known_device={device}" if is_known else ""
    guesses = [(f"127.0.0.{number + 2}", code) for number, code in enumerate(factor.wrong_codes(CROWD))]
    with ready_crowd(limited, CROWD) as clients:

        def guess(_: Client, given: tuple[str, str]) -> Reply:
            address, code = given
            return sign_in_from(limited, address, person.sign_in_body(code=code), own)

        replies = clients.at_once(guess, guesses)
        assert tally(replies, status_and_code) == {LOST: 5, NOT_JUDGED: CROWD - 5}
        assert events(server, "code_failed", person) == 5
        body = person.sign_in_body(code=factor.codes()[1])
        assert sign_in_from(limited, "127.0.0.250", body, own).status == 429, "the right code has to wait too"
        if is_known:
            assert sign_in_from(limited, "127.0.0.250", body).status == 200, "strangers are counted by themselves"


def test_no_more_wrong_codes_of_a_sign_in_that_waits_are_judged_at_once(
    server: LiveServer, limited: LiveServer, accounts: Accounts
) -> None:
    """P11: by the page, where nothing but the code is at work: twenty guesses beside one password, each from another
    address."""
    person = accounts.create()
    codes = accounts.protect(person).wrong_codes(CROWD)
    with ready_crowd(limited, CROWD) as clients, ExitStack() as stack:
        first = Browser(limited).open("/login")
        assert first.send(email=person.email, password=PASSWORD).headers["Location"] == "/login/code"
        addresses = [f"127.0.0.{number + 2}" for number in range(CROWD)]
        browsers = [Browser(limited, cookies=first.http, address=address) for address in addresses]
        for browser in (first, *browsers):
            stack.callback(browser.close)
        clients.at_once(lambda _, browser: browser.open("/login/code"), browsers)
        pairs = list(zip(browsers, codes, strict=True))
        answers = clients.at_once(lambda _, pair: pair[0].send(code=pair[1]), pairs)
        assert tally(answers, lambda answer: answer.status_code) == {422: 5, 429: CROWD - 5}
        assert events(server, "code_failed", person) == 5


def test_no_more_wrong_passwords_are_judged_at_once_than_one_after_the_other(
    server: LiveServer, limited: LiveServer, accounts: Accounts
) -> None:
    """A11, A12: forty guesses of one password, the right one among them: no more than ten are judged."""
    person = accounts.create()
    with ready_crowd(limited, 40) as clients:

        def guess(_: Client, number: int) -> Reply:
            return sign_in_from(limited, f"127.0.0.{number + 2}", person.sign_in_body(password=f"guess {number}"))

        replies = clients.at_once(guess, range(40))
        judged = {(401, "invalid_credentials"): 10, NOT_JUDGED: 30}
        assert tally(replies, status_and_code) == judged
        assert events(server, "sign_in_failed", person) == 10
        assert sign_in_from(limited, "127.0.0.250", person.sign_in_body()).status == 429


def test_no_more_wrong_passwords_of_a_session_are_judged_at_once_than_one_after_the_other(
    server: LiveServer, limited: LiveServer, accounts: Accounts
) -> None:
    """A10, A11: twenty guesses of who has stolen an access token: ten are judged; another session is not kept out."""
    person = accounts.create()
    with ready_crowd(limited, CROWD) as clients:
        stolen, other = (clients.clients[0].sign_in("body", email=person.email).access for _ in range(2))

        def prove(client: Client, password: str, bearer: str = stolen) -> Reply:
            return client.call("POST", "/api/me/reauthenticate", bearer=bearer, body={"password": password})

        replies = clients.at_once(prove, [f"guess {number}" for number in range(CROWD)])
        assert tally(replies, status_and_code) == {(422, "invalid_fields"): 10, NOT_JUDGED: CROWD - 10}
        assert events(server, "reauthentication_failed", person) == 10
        assert prove(clients.clients[0], PASSWORD).status == 429, "the right one has to wait too"
        assert prove(clients.clients[0], PASSWORD, other).status == 204
