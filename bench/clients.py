"""How each contender is spoken to: the bytes of a request, and what its answer teaches for the next one."""

import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

EMAIL: Final = "test@test.com"
PASSWORD: Final = "Test123!"
Tokens = dict[str, str]  # what a connection has: "access", "refresh"; changed in place


def raw(method: str, path: str, *, headers: dict[str, str] | None = None, body: str = "") -> bytes:
    """Return a request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "User-Agent: bench"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def as_json(method: str, path: str, **values: object) -> bytes:
    return raw(method, path, headers={"Content-Type": "application/json"}, body=json.dumps(values))


@dataclass(frozen=True)
class Client:
    """Evergreen's way, which the others' differ from. Acts: "me", "renewed", "refresh", "login"."""

    me: str = "/api/me"
    refresh: str = "/api/refresh"
    login: str = "/api/login"

    def request(self, act: str, tokens: Tokens) -> bytes:
        return {"me": self._me, "renewed": self._me, "refresh": self._refresh, "login": self._login}[act](tokens)

    def is_wanted(self, act: str, status: int, head: bytes) -> bool:
        """Whether it is the answer that is to be measured, and no shorter one."""
        return 200 <= status < 300 and (b"X-New-Token" in head) == (act == "renewed")

    def learn(self, act: str, tokens: Tokens, head: bytes, body: bytes) -> None:
        """Take the tokens of an answer."""
        if act == "refresh":
            cookie = head.partition(b"refresh_token=")[2].partition(b";")[0]
            tokens["refresh"] = cookie.decode()

    def _me(self, tokens: Tokens) -> bytes:
        return raw("GET", self.me, headers={"Authorization": f"Bearer {tokens['access']}"})

    def _refresh(self, tokens: Tokens) -> bytes:
        headers = {"Cookie": f"__Host-refresh_token={tokens['refresh']}", "Sec-Fetch-Site": "same-origin"}
        return raw("POST", self.refresh, headers=headers | {"Content-Length": "0"})

    def _login(self, tokens: Tokens) -> bytes:
        return as_json("POST", self.login, email=EMAIL, password=PASSWORD, transport="body")


@dataclass(frozen=True)
class Peer(Client):
    """The peers' way: tokens in JSON. They differ in where one signs in and how a token travels."""

    login: str = "/login"
    refresh: str = "/refresh"
    header: str = "Authorization"
    scheme: str = "Bearer "
    form: bool = False
    name: str = "email"
    path_of_access: tuple[str, ...] = ("access",)

    def is_wanted(self, act: str, status: int, head: bytes) -> bool:
        return 200 <= status < 300

    def learn(self, act: str, tokens: Tokens, head: bytes, body: bytes) -> None:
        if act == "me":
            return
        answer = json.loads(body)
        tokens["refresh"] = answer.get("refresh", tokens.get("refresh", ""))
        for step in self.path_of_access:
            answer = answer[step]
        tokens["access"] = answer

    def _me(self, tokens: Tokens) -> bytes:
        return raw("GET", self.me, headers={self.header: self.scheme + tokens["access"]})

    def _refresh(self, tokens: Tokens) -> bytes:
        return as_json("POST", self.refresh, refresh=tokens["refresh"])

    def _login(self, tokens: Tokens) -> bytes:
        values = {self.name: EMAIL, "password": PASSWORD}
        if self.form:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            return raw("POST", self.login, headers=headers, body=urlencode(values))
        return as_json("POST", self.login, **values)


class JwtExtended(Peer):
    def _refresh(self, tokens: Tokens) -> bytes:
        return raw(
            "POST", self.refresh, headers={"Authorization": f"Bearer {tokens['refresh']}", "Content-Length": "0"}
        )


CLIENTS: Final[dict[str, Client]] = {
    "evergreen": Client(),
    "bare": Peer(),
    "jwt_extended": JwtExtended(),
    "simplejwt": Peer(name="username"),
    "fastapi_users_jwt": Peer(form=True, name="username", path_of_access=("access_token",)),
    "flask_security_token": Peer(
        login="/login?include_auth_token",
        header="Authentication-Token",
        scheme="",
        path_of_access=("response", "user", "authentication_token"),
    ),
}
