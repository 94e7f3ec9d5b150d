"""An access token is sent in the Authorization header, once, and is seen nowhere else (T15 to T18)."""

import pytest

from tests.support.doors import rows


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEARER", "Bearer "])
def test_the_scheme_may_be_written_in_any_case(bare, signed_in, scheme) -> None:
    """T18"""
    assert bare.get("/api/me", headers={"Authorization": f"{scheme} {signed_in.access}"}).status_code == 200


@pytest.mark.parametrize(
    "value", [None, "", "Basic dGVzdDp0ZXN0", "Basic Bearer {}", "Token {}", "{}", "Bearer{}", "Bearer\t{}"]
)
def test_without_a_bearer_token_the_challenge_names_no_error(bare, signed_in, value) -> None:
    """T18"""
    headers = {} if value is None else {"Authorization": value.format(signed_in.access)}
    reply = bare.get("/api/me", headers=headers)
    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert (reply.get_json()["code"], reply.headers["Cache-Control"]) == ("missing_token", "no-store")


@pytest.mark.parametrize(
    "values",
    [
        ["Bearer {0}", "Bearer {0}"],
        ["Bearer {0}", "Basic dGVzdDp0ZXN0"],
        ["Basic dGVzdDp0ZXN0", "Bearer {0}"],
        ["Bearer x", "Bearer {0}"],
        ["Bearer {0},Bearer {0}"],
        ["Bearer {0}, {0}"],
        ["Basic y,Bearer {0}"],
        ["Bearer {0} {0}"],
        ["Bearer Bearer {0}"],
        ["Bearer"],
        ["Bearer "],
    ],
)
def test_exactly_one_credential_is_taken(app, bare, signed_in, values) -> None:
    """T15"""
    before = rows(app)
    for route, token in (
        ("GET /api/me", signed_in.access),
        ("POST /api/refresh", signed_in.refresh),
        ("POST /api/logout", signed_in.access),
    ):
        method, path = route.split()
        reply = bare.open(path, method=method, headers=[("Authorization", value.format(token)) for value in values])
        # To sign out with no Bearer token at all is no error, and ends nothing.
        assert reply.status_code in ((204, 400, 401) if path == "/api/logout" else (400, 401))
        assert rows(app) == before


@pytest.mark.parametrize(
    "sent",
    [
        *({"query_string": {name: "{}"}} for name in ("access_token", "jwt", "token", "Authorization", "bearer")),
        *({"headers": {"Cookie": name + "={}"}} for name in ("access_token", "access_token_cookie", "jwt", "session")),
        *({"headers": {name: "Bearer {}"}} for name in ("X-Authorization", "X-Access-Token", "Proxy-Authorization")),
        {"data": {"access_token": "{}"}},
        {"json": {"access_token": "{}", "token": "{}"}},
    ],
    ids=str,
)
def test_an_access_token_elsewhere_than_in_its_header_is_not_seen(bare, signed_in, caplog, sent) -> None:
    """T16: and the log does not show it either."""
    caplog.clear()
    filled = {
        how: {name: text.format(signed_in.access) for name, text in values.items()} for how, values in sent.items()
    }
    reply = bare.get("/api/me", **filled)
    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "/api/me" in caplog.text
    assert signed_in.access not in caplog.text


@pytest.mark.parametrize(
    "route", ["GET /api/me", "PATCH /api/me", "GET /api/sessions", "DELETE /api/sessions", "GET /api/products"]
)
def test_the_refresh_cookie_opens_no_api(app, bare, by_cookie_session, route) -> None:
    """T17"""
    before = rows(app)
    method, path = route.split()
    headers = {"Cookie": f"refresh_token={by_cookie_session.refresh}", "Sec-Fetch-Site": "same-origin"}
    reply = bare.open(path, method=method, headers=headers)
    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert rows(app) == before
