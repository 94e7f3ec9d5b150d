"""Administrators who take each other away at once: one always stays, and nobody gets an error (Z05)."""

from collections.abc import Iterator

import pytest

from tests.faults.accounts import Accounts, Browser, Person, ready_crowd, tally
from tests.faults.servers import rows
from tests.support.live import LiveServer
from tests.support.people import PASSWORD

TRIALS = 50


@pytest.fixture
def browsers() -> Iterator[list[Browser]]:
    made: list[Browser] = []
    yield made
    for browser in made:
        browser.close()


def at_the_desk(server: LiveServer, person: Person, page: str) -> Browser:
    browser = Browser(server).open("/login")
    assert browser.send(email=person.email, password=PASSWORD).status_code == 303
    return browser.open(page)


@pytest.mark.parametrize("acts", [("demote", "demote"), ("deactivate", "deactivate"), ("demote", "deactivate")])
def test_of_two_administrators_who_take_each_other_away_one_stays(
    server: LiveServer, accounts: Accounts, browsers: list[Browser], acts: tuple[str, str]
) -> None:
    """Z05: fifty times over, by the forms of the desk."""
    rows(server, "UPDATE users SET is_admin = :no", no=False)
    both = [accounts.create(is_admin=True) for _ in range(2)]
    for actor, target, act in zip(both, reversed(both), acts, strict=True):
        browsers.append(at_the_desk(server, actor, f"/admin/users/{target.id}/{act}"))
    with ready_crowd(server, 2) as clients:
        for _ in range(TRIALS):
            answers = clients.at_once(
                lambda _, pair: pair[0].send(address=pair[1].email), zip(browsers, reversed(both), strict=True)
            )
            came = tally(answers, lambda answer: answer.headers.get("Location", answer.status_code))
            done = [where for where in came if str(where).startswith("/admin/users/")]
            assert [came.pop(where) for where in done] == [1], "one of them goes"
            # The other is the last one, or no administrator any more, or signed out, by the time it is asked.
            assert {str(where).partition("?")[0] for where in came} <= {"403", "409", "/login"}
            left = "SELECT count(*) FROM users WHERE is_admin = :yes AND is_active = :yes"
            assert rows(server, left, yes=True)[0][0] == 1
            rows(server, "UPDATE users SET is_admin = :yes, is_active = :yes WHERE id IN (:a, :b)",
                 yes=True, a=both[0].id, b=both[1].id)  # fmt: skip
            rows(server, "UPDATE auth_sessions SET revoked_at = NULL, revoked_reason = NULL")
    assert "unexpected error" not in server.log


def test_two_administrators_who_do_something_about_each_other_take_turns(
    server: LiveServer, accounts: Accounts, browsers: list[Browser]
) -> None:
    """Each of them locks both rows: in one order, or they would wait for each other."""
    both = [accounts.create(is_admin=True) for _ in range(2)]
    for actor, target in zip(both, reversed(both), strict=True):
        browsers.append(at_the_desk(server, actor, f"/admin/users/{target.id}/reset-password"))
    with ready_crowd(server, 2) as clients:
        for _ in range(TRIALS):
            answers = clients.at_once(lambda _, browser: browser.send(), browsers)
            assert [answer.status_code for answer in answers] == [303, 303]
    assert "unexpected error" not in server.log
