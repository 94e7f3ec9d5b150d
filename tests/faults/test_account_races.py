"""A new password, a deactivation or a change of role at a random moment inside refreshes and calls (R13, V06); and ten
sign-ins that renew one hash (A05)."""

from collections.abc import Callable

import pytest
from argon2 import PasswordHasher

from tests.faults.accounts import Accounts, Person, ready_crowd, status_and_code, tally
from tests.faults.clients import TRANSPORTS, Client, chance, one_client
from tests.faults.crowds import crowd
from tests.faults.ends import as_operator, change_password, deactivate
from tests.faults.servers import rows
from tests.faults.trials import LATEST, ROLES, Trial
from tests.support.live import LiveServer
from tests.support.people import PASSWORD
from webapp import administrators

TRIALS = 6  # for each event, transport and database; in each of them it comes in the middle


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("event", "others"), [(change_password, 200), (deactivate, 401)])
def test_nothing_that_was_ever_handed_out_survives_what_ends_a_session_from_elsewhere(
    server: LiveServer, accounts: Accounts, event: Callable[..., None], others: int, transport: str
) -> None:
    """R13: whatever the refreshes beside it were answered; who changes the password stays in."""
    dice = chance(event.__name__, transport)
    with one_client(server) as client, crowd(server, len(ROLES)) as clients:
        for _ in range(TRIALS):
            person = accounts.create()
            other = client.sign_in("body", email=person.email).access
            session = client.sign_in(transport, email=person.email)

            def end(client: Client, person: Person = person, other: str = other) -> None:
                event(client, accounts, person, other)

            trial = Trial(session, end, dice.uniform(0, LATEST), is_slow=True)
            clients.at_once(trial.play, ROLES)
            trial.assert_nothing_opens(clients)
            assert client.me(other).status == others
            assert trial.was_inside
    print(f"R13 {event.__name__} {transport}: {TRIALS} times in the middle of the others' calls")


def test_who_is_demoted_amid_refreshes_opens_the_desk_by_no_cookie(server: LiveServer, accounts: Accounts) -> None:
    """R13: their sessions go on, and none of them is an administrator's any more."""
    dice = chance("demote")
    accounts.create(is_admin=True)  # another one, who stays
    with one_client(server) as client, crowd(server, len(ROLES)) as clients:
        for _ in range(TRIALS):
            person = accounts.create(is_admin=True)
            session = client.sign_in("cookie", email=person.email)
            assert client.call("GET", "/admin/users", cookie=session.refresh).status == 200

            def end(_: Client, person: Person = person) -> None:
                as_operator(accounts, administrators.demote, person)

            trial = Trial(session, end, dice.uniform(0, LATEST), is_slow=True)
            clients.at_once(trial.play, ROLES)
            pages = clients.each(
                lambda client, cookie: client.call("GET", "/admin/users", cookie=cookie), trial.refreshes_to_try
            )
            assert {page.status for page in pages} == {403}
            assert set(trial.statuses) == {200}, "nobody is signed out by it"
            replies = clients.each(lambda client, token: client.me(token), trial.accesses_to_try)
            assert {reply.status for reply in replies} == {200}


def test_ten_sign_ins_at_once_renew_a_hash_of_old_parameters(server: LiveServer, accounts: Accounts) -> None:
    """A05: none fails, and what is stored then has the parameters in force."""
    person = accounts.create()
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    rows(server, "UPDATE users SET password_hash = :old WHERE id = :id", old=old, id=person.id)
    with ready_crowd(server, 10) as clients:
        replies = clients.at_once(
            lambda client, body: client.call("POST", "/api/login", body=body), [person.sign_in_body()] * 10
        )
        assert tally(replies, status_and_code) == {(200, ""): 10}
        (row,) = rows(server, "SELECT password_hash FROM users WHERE id = :id", id=person.id)
        assert "$m=8,t=1,p=1$" in row[0], "the server's, see tests/support/hashes.py"
        body = person.sign_in_body()
        assert clients.clients[0].call("POST", "/api/login", body=body).status == 200
