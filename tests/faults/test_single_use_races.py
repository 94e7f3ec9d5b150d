"""Twenty at once for each thing that works once: one has it, nobody gets an error (P01, P08, P09, I06, Z05)."""

import unicodedata
from contextlib import ExitStack

import pytest

from tests.faults.accounts import Accounts, Browser, Person, events, ready_crowd, status_and_code, tally
from tests.faults.clients import Client, Reply
from tests.faults.servers import rows
from tests.support.live import LiveServer
from tests.support.people import PASSWORD
from webapp.one_time_tokens import Purpose

CROWD = 20
LOSERS = CROWD - 1
INVALID_LINK = (400, "invalid_link")


# --- links of mails --------------------------------------------------------------------------------------


def test_one_of_twenty_resets_the_password(server: LiveServer, client: Client, accounts: Accounts) -> None:
    """P01: and the password that opens the account is that one's."""
    person = accounts.create()
    token = accounts.link(Purpose.RESET_PASSWORD, person, email=person.email)
    passwords = [f"correct horse battery {number}" for number in range(CROWD)]
    with ready_crowd(server, CROWD) as clients:
        replies = clients.at_once(
            lambda client, new: client.call("POST", "/api/password/reset", body={"token": token, "password": new}),
            passwords,
        )
    assert tally(replies, status_and_code) == {(204, ""): 1, INVALID_LINK: LOSERS}
    winner = next(new for new, reply in zip(passwords, replies, strict=True) if reply.status == 204)
    for new in (winner, PASSWORD, next(new for new in passwords if new != winner)):
        reply = client.call("POST", "/api/login", body=person.sign_in_body(password=new))
        assert reply.status == (200 if new == winner else 401)
    assert events(server, "password_reset", person) == 1


@pytest.mark.parametrize(
    ("purpose", "kind"), [(Purpose.VERIFY_EMAIL, "email_verified"), (Purpose.CHANGE_EMAIL, "email_changed")]
)
def test_one_of_twenty_confirms_an_address(
    server: LiveServer, client: Client, accounts: Accounts, purpose: Purpose, kind: str
) -> None:
    """P09, P08: five times over."""
    with ready_crowd(server, CROWD) as clients:
        for _ in range(5):
            person = accounts.create(email_verified=False)
            address = person.email if purpose is Purpose.VERIFY_EMAIL else f"new-{person.email}"
            body = {"token": accounts.link(purpose, person, email=address)}
            replies = clients.at_once(
                lambda client, body: client.call("POST", "/api/email/verify", body=body), [body] * CROWD
            )
            assert tally(replies, status_and_code) == {(204, ""): 1, INVALID_LINK: LOSERS}
            assert events(server, kind, person) == 1
            (row,) = rows(server, "SELECT email, email_verified FROM users WHERE id = :id", id=person.id)
            assert (row[0], bool(row[1])) == (address, True)


@pytest.mark.parametrize("page", ["/not-me/", "/undo/"])
def test_one_of_twenty_uses_a_remedy(server: LiveServer, client: Client, accounts: Accounts, page: str) -> None:
    """P08: on the pages of /not-me and /undo; the session ends, and one link to set a password is given out."""
    person = accounts.create()
    reply = client.call("POST", "/api/login", body=person.sign_in_body())
    (row,) = rows(server, "SELECT id FROM auth_sessions WHERE user_id = :id", id=person.id)
    token, kind = {
        "/not-me/": (accounts.link(Purpose.DISOWN_SIGN_IN, person, session_id=row[0]), "sign_in_disowned"),
        "/undo/": (
            accounts.link(Purpose.UNDO_EMAIL_CHANGE, person, email=f"old-{person.email}"),
            "email_change_undone",
        ),
    }[page]
    path = page + token
    with ExitStack() as stack, ready_crowd(server, CROWD) as clients:
        browsers = [Browser(server) for _ in range(CROWD)]
        for browser in browsers:
            stack.callback(browser.close)
        clients.at_once(lambda _, browser: browser.open(path), browsers)
        answers = clients.at_once(lambda _, browser: browser.send(), browsers)
    assert tally(answers, lambda answer: answer.status_code) == {303: 1, 400: LOSERS}
    winner = next(answer for answer in answers if answer.status_code == 303)
    assert winner.headers["Location"].startswith("/reset/")
    assert client.me(reply.access or "").code == "session_ended"
    assert events(server, kind, person) == 1
    sql = "SELECT count(*) FROM one_time_tokens WHERE user_id = :id AND purpose = 'reset_password' AND used_at IS NULL"
    assert rows(server, sql, id=person.id)[0][0] == 1


def test_two_who_confirm_one_address_at_once(server: LiveServer, accounts: Accounts) -> None:
    """P08: one has it, the other is told that it is taken, and keeps the old one; thirty times over."""
    with ready_crowd(server, 2) as clients:
        for trial in range(30):
            people = [accounts.create(), accounts.create()]
            address = f"wanted{trial}@test.com"
            tokens = [accounts.link(Purpose.CHANGE_EMAIL, person, email=address) for person in people]
            replies = clients.at_once(
                lambda client, token: client.call("POST", "/api/email/verify", body={"token": token}), tokens
            )
            assert tally(replies, status_and_code) == {(204, ""): 1, (409, "address_taken"): 1}
            kept = next(person for person, reply in zip(people, replies, strict=True) if reply.status == 409)
            emails = rows(server, "SELECT email FROM users WHERE id IN (:a, :b)", a=people[0].id, b=people[1].id)
            assert {row[0] for row in emails} == {address, kept.email}


def test_all_links_of_one_account_at_once_do_not_trip_over_each_other(server: LiveServer, accounts: Accounts) -> None:
    """P01, P08: each use of a link makes others useless; which of them come first is open, that none fails is not."""
    with ready_crowd(server, CROWD) as clients:
        for _ in range(6):
            person = accounts.create()
            links = [
                ("/api/password/reset", accounts.link(Purpose.RESET_PASSWORD, person, email=person.email)),
                ("/api/email/verify", accounts.link(Purpose.VERIFY_EMAIL, person, email=person.email)),
                ("/api/email/verify", accounts.link(Purpose.CHANGE_EMAIL, person, email="new-" + person.email)),
                ("/api/email/verify", accounts.link(Purpose.CHANGE_EMAIL, person, email="newer-" + person.email)),
            ]

            def use(client: Client, link: tuple[str, str]) -> Reply:
                path, token = link
                new = {"password": "correct horse battery 1"} if path == "/api/password/reset" else {}
                return client.call("POST", path, body={"token": token, **new})

            replies = clients.at_once(use, (links * CROWD)[:CROWD])
            assert {status_and_code(reply) for reply in replies} <= {(204, ""), INVALID_LINK}
            assert 1 <= sum(reply.status == 204 for reply in replies) <= len(links)


# --- accounts --------------------------------------------------------------------------------------------


def test_twenty_ways_to_write_one_address_make_one_account(server: LiveServer, client: Client) -> None:
    """I06, A03: in capitals or not, composed or not, with blanks around it; all get the same answer."""
    written = [
        "test.person@exämple.com",
        "TEST.PERSON@EXÄMPLE.COM",
        "Test.Person@Exämple.com",
        "tEst.pErson@eXÄmple.com",
    ]
    forms = [unicodedata.normalize(form, text) for text in written for form in ("NFC", "NFD")]
    variants = [*forms, *(f" {text}" for text in forms), *(f"{text.swapcase()} " for text in forms)][:CROWD]
    assert len(set(variants)) == CROWD

    def register(client: Client, address: str) -> Reply:
        names = {"first_name": "Anna", "last_name": "Ode"}
        body = {"email": address, "password": "correct horse battery", **names}
        return client.call("POST", "/api/register", body=body)

    with ready_crowd(server, CROWD) as clients:
        replies = clients.at_once(register, variants)
    assert {reply.status for reply in replies} == {202}
    assert len({str(reply.body) for reply in replies}) == 1
    made = rows(server, "SELECT id FROM users WHERE first_name = 'Anna'")
    assert len(made) == 1
    kinds = rows(server, "SELECT kind FROM audit_events WHERE user_id = :id", id=made[0][0])
    assert tally(kinds, lambda row: row[0]) == {"registered": 1, "registered_again": LOSERS}


def test_of_two_administrators_who_leave_at_once_one_stays(
    server: LiveServer, client: Client, accounts: Accounts
) -> None:
    """Z05: twenty times over; the one who stays is joined by another."""

    def sign_in(person: Person) -> tuple[Person, str]:
        return person, client.call("POST", "/api/login", body=person.sign_in_body()).access or ""

    def leave(client: Client, administrator: tuple[Person, str]) -> Reply:
        return client.call("DELETE", "/api/me", bearer=administrator[1], body={"password": PASSWORD})

    stays = sign_in(accounts.create(is_admin=True))
    with ready_crowd(server, 2) as clients:
        for _ in range(20):
            both = [stays, sign_in(accounts.create(is_admin=True))]
            replies = clients.at_once(leave, both)
            assert tally(replies, status_and_code) == {(204, ""): 1, (409, "last_administrator"): 1}
            stays = next(who for who, reply in zip(both, replies, strict=True) if reply.status == 409)
            assert [row[0] for row in rows(server, "SELECT id FROM users WHERE is_admin")] == [stays[0].id]
