"""Clients of Node.js, unmodified, against the live server: twenty expired requests end in twenty successes.

axios-auth-refresh shares a refresh among requests that were refused at the same time. The others leave it to the
application, which here adds the five lines of `Tokens.renew` (node/walk.mjs).

ky 1 and wretch 2, because their next versions need Node.js 22."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.people import EMAIL

RunNode = Callable[[str], dict[str, Any]]
OAUTH = ["oauth4webapi", "openid-client"]
OTHERS = ["fetch-cookie", "ky", "ofetch", "wretch"]


def assert_all_succeed(results: dict[str, Any]) -> None:
    """The old token was refused, all twenty got the user, and so did one more call after another day."""
    assert results["oldToken"] == 401
    assert results["twenty"] == [EMAIL] * 20
    assert results["later"] == EMAIL


@pytest.mark.parametrize("library", OTHERS)
def test_twenty_expired_requests_all_succeed(run_node: RunNode, library: str) -> None:
    results = run_node(library)
    assert_all_succeed(results)
    assert results["refreshes"] == 1


@pytest.mark.parametrize("library", OAUTH)
def test_an_oauth_client_refreshes_by_form_and_reads_a_refusal_as_invalid_grant(
    run_node: RunNode, library: str
) -> None:
    results = run_node(library)
    assert_all_succeed(results)
    assert results["refreshes"] == 1
    assert results["refusals"] == ["invalid_grant", "invalid_grant"]  # garbage, and what was signed out


def test_axios_auth_refresh_shares_a_refresh_by_itself(run_node: RunNode) -> None:
    results = run_node("axios-auth-refresh")
    assert_all_succeed(results)
    # One as a rule; a refusal that comes when the first refresh is over starts another.
    assert 1 <= results["refreshes"] <= 20
