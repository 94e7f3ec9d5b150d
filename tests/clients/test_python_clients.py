"""Clients of Python, unmodified, against the live server: twenty expired requests end in twenty successes.

authlib and requests-oauthlib share no refresh. They look at the token's `expires_at` before they send anything, so
threads that begin together refresh together, with the same refresh token: the server confirms a rotation when its
successor is used, so all of that succeeds, and the token that the client is left with is good the next day. httpx
leaves it to the auth flow, where a lock lets one request refresh for all."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.integrations.requests_client import OAuthError
from oauthlib.oauth2 import InvalidGrantError
from requests_oauthlib import OAuth2Session as RequestsOauthlibSession

from tests.support.live import LiveServer
from tests.support.people import EMAIL

HOUR = 3600
TIMEOUT = 60  # seconds
CLIENT_ID = "somebody-elses-app"
Token = dict[str, Any]
Reply = requests.Response | httpx.Response


@pytest.fixture
def requests_oauthlib(
    server: LiveServer, token: Token, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RequestsOauthlibSession]:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "true")  # plain http, as on a developer's machine
    endpoint = f"{server.url}/api/refresh"
    with RequestsOauthlibSession(CLIENT_ID, token=token, auto_refresh_url=endpoint) as session:
        yield session


class RenewingAuth(httpx.Auth):
    """The auth flow that httpx's documentation shows, with its lock: a 401 refreshes, and the request is sent again."""

    def __init__(self, server: LiveServer, token: Token) -> None:
        self.endpoint = f"{server.url}/api/refresh"
        self.token = token
        self.lock = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        sent = self.token
        request.headers.update(bearer(sent))
        response = yield request
        if response.status_code != 401:
            return
        async with self.lock:
            if self.token is sent:
                refreshed = yield self.refresh_request()
                await refreshed.aread()
                self.adopt(refreshed)
        request.headers.update(bearer(self.token))
        yield request

    def refresh_request(self) -> httpx.Request:
        return httpx.Request("POST", self.endpoint, json={"refresh_token": self.token["refresh_token"]})

    def adopt(self, response: httpx.Response) -> None:
        response.raise_for_status()
        self.token = {**self.token, **response.json()}


def bearer(token: Token) -> dict[str, str]:
    return {"Authorization": f"Bearer {token['access_token']}"}


def refreshes(server: LiveServer) -> int:
    return server.log.count("POST /api/refresh")


def in_twenty_threads(act: Callable[[], requests.Response]) -> list[requests.Response]:
    """Return the answers of twenty calls that begin at the same moment."""
    barrier = Barrier(20)

    def begin(_: int) -> requests.Response:
        barrier.wait(TIMEOUT)
        return act()

    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(begin, range(20)))


def emails(*replies: Reply) -> list[str]:
    """Return whose profile each answer shows; an answer that shows none, as it is."""
    return [reply.json().get("email", reply.text) for reply in replies]


def sign_out(server: LiveServer, token: Token) -> None:
    body = {"refresh_token": token["refresh_token"]}
    assert requests.post(f"{server.url}/api/logout", json=body, timeout=TIMEOUT).status_code == 204


def test_authlib_in_twenty_threads(server: LiveServer, authlib: AuthlibSession) -> None:
    kept: list[Token] = []
    authlib.update_token = lambda token, refresh_token: kept.append(token)
    assert emails(*in_twenty_threads(lambda: authlib.get(f"{server.url}/api/me"))) == [EMAIL] * 20
    assert 1 <= refreshes(server) == len(kept) <= 20
    authlib.refresh_token()
    server.move_clock(50 * HOUR)
    authlib.refresh_token()
    assert emails(authlib.get(f"{server.url}/api/me")) == [EMAIL]


def test_authlib_reads_a_refusal_as_invalid_grant(server: LiveServer, authlib: AuthlibSession) -> None:
    with pytest.raises(OAuthError, match=r"^invalid_grant"):
        authlib.refresh_token(refresh_token="garbage")
    sign_out(server, authlib.token)
    with pytest.raises(OAuthError, match=r"^invalid_grant"):
        authlib.get(f"{server.url}/api/me")


def test_requests_oauthlib_in_twenty_threads(server: LiveServer, requests_oauthlib: RequestsOauthlibSession) -> None:
    kept: list[Token] = []
    requests_oauthlib.token_updater = kept.append
    me, endpoint = f"{server.url}/api/me", f"{server.url}/api/refresh"
    replies = in_twenty_threads(lambda: requests_oauthlib.get(me, timeout=TIMEOUT))
    assert emails(*replies) == [EMAIL] * 20
    assert 1 <= refreshes(server) == len(kept) <= 20
    requests_oauthlib.refresh_token(endpoint, timeout=TIMEOUT)
    server.move_clock(50 * HOUR)
    requests_oauthlib.refresh_token(endpoint, timeout=TIMEOUT)
    assert emails(requests_oauthlib.get(me, timeout=TIMEOUT)) == [EMAIL]


def test_requests_oauthlib_reads_a_refusal_as_invalid_grant(
    server: LiveServer, requests_oauthlib: RequestsOauthlibSession
) -> None:
    endpoint = f"{server.url}/api/refresh"
    with pytest.raises(InvalidGrantError):
        requests_oauthlib.refresh_token(endpoint, refresh_token="garbage", timeout=TIMEOUT)
    sign_out(server, requests_oauthlib.token)
    with pytest.raises(InvalidGrantError):
        requests_oauthlib.get(f"{server.url}/api/me", timeout=TIMEOUT)


def test_httpx_sends_twenty_at_once_and_one_refreshes(server: LiveServer, token: Token) -> None:
    auth = RenewingAuth(server, token)

    async def walk() -> None:
        async with httpx.AsyncClient(base_url=server.url, auth=auth, timeout=TIMEOUT) as client:
            assert emails(*await asyncio.gather(*(client.get("/api/me") for _ in range(20)))) == [EMAIL] * 20
            assert refreshes(server) == 1
            auth.adopt(await client.send(auth.refresh_request(), auth=None))
            server.move_clock(50 * HOUR)
            auth.adopt(await client.send(auth.refresh_request(), auth=None))
            assert emails(await client.get("/api/me")) == [EMAIL]

    asyncio.run(walk())
