"""Refreshing by form, as OAuth clients do, and refusals in the words of RFC 6749."""

import pytest

from tests.support import people
from tests.support.refusals import CANARY, assert_says_nothing

GRANT = ("grant_type", "refresh_token")
TOKEN = ("refresh_token", "{token}")


@pytest.mark.parametrize("extra", [(), (("client_id", "x"), ("scope", "y"))])
def test_an_oauth_client_refreshes_by_form(app, signed_in, extra) -> None:
    """RFC 6749 §5.1, §6: parameters it does not know do not matter."""
    reply = app.test_client().post("/api/refresh", data=dict([GRANT, ("refresh_token", signed_in.refresh), *extra]))
    assert (reply.status_code, reply.content_type, reply.headers["Cache-Control"]) == (
        200,
        "application/json",
        "no-store",
    )
    assert reply.headers["Pragma"] == "no-cache"
    answer = reply.get_json()
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 86_400)
    assert signed_in.me(answer["access_token"]).status_code == 200
    assert (
        app.test_client()
        .post("/api/refresh", data=dict([GRANT, ("refresh_token", answer["refresh_token"])]))
        .status_code
        == 200
    )


@pytest.mark.parametrize(
    ("error", "form"),
    [
        ("invalid_grant", [GRANT, ("refresh_token", CANARY)]),
        ("invalid_grant", [GRANT, ("refresh_token", "{access}")]),
        ("invalid_grant", [GRANT, ("refresh_token", "{ended}")]),
        ("invalid_request", [GRANT]),
        ("invalid_request", [TOKEN]),
        ("invalid_request", [GRANT, GRANT, TOKEN]),
        ("invalid_request", [GRANT, TOKEN, TOKEN]),
        ("invalid_request", [GRANT, TOKEN, ("scope", "a"), ("scope", "a")]),
        ("invalid_request", [("grant_type", ""), TOKEN]),
        ("invalid_request", [GRANT, ("refresh_token", "")]),
        ("unsupported_grant_type", [("grant_type", "password"), ("password", CANARY)]),
        ("unsupported_grant_type", [("grant_type", "Refresh_Token"), TOKEN]),
        ("unsupported_grant_type", [("grant_type", CANARY), TOKEN]),
    ],
)
def test_a_form_is_refused_in_the_words_of_oauth(app, signed_in, error, form) -> None:
    """RFC 6749 §5.2, I08; a parameter without a value counts as left out (§3.2)."""
    ended = people.sign_in(app.test_client())
    ended.http.post("/api/logout", headers=ended.bearer)
    tokens = {"token": signed_in.refresh, "access": signed_in.access, "ended": ended.refresh}
    pairs = [(name, value.format(**tokens)) for name, value in form]
    data = "&".join(f"{name}={value}" for name, value in pairs)
    reply = app.test_client().post("/api/refresh", data=data, content_type="application/x-www-form-urlencoded")
    assert (reply.status_code, reply.content_type) == (400, "application/json")
    assert (reply.get_json()["error"], set(reply.get_json())) == (error, {"error", "error_description"})
    assert "WWW-Authenticate" not in reply.headers
    assert_says_nothing(reply)
