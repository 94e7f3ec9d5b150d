"""Whose address it is behind one proxy, two, or none that is trusted, whatever clients say of theirs (O02)."""

import json
import socket
import ssl
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.deploy.behind import CLIENT, HSTS, JOHN, Behind, serve_behind
from tests.faults.servers import rows
from tests.support.proxies import prepare, serve_nginx
from tests.support.waiting import wait_until

SPOOFED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Real-IP": "203.0.113.9",
    "Forwarded": "for=203.0.113.9;proto=http;host=evil.example",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "80",
    "X-Forwarded-Prefix": "/evil",
}


def addresses_of(behind: Behind, kind: str = "sign_in") -> list[str]:
    """The addresses in the audit log, the latest first."""
    sql = "SELECT ip FROM audit_events WHERE kind = :kind ORDER BY id DESC"
    return [row[0] for row in rows(behind.server, sql, kind=kind)]


def test_the_address_is_the_one_that_the_proxy_saw_whatever_the_client_says(behind: Behind) -> None:
    """O02."""
    with behind.client() as client:
        reply = client.post(f"{behind.url}/api/login", json=JOHN, headers=SPOOFED)
    assert reply.status_code == 200, reply.text
    assert addresses_of(behind)[0] == CLIENT
    logged = [json.loads(line) for line in behind.server.log.splitlines() if '"POST /api/login' in line]
    assert logged[-1]["address"] == CLIENT
    assert "203.0.113.9" not in behind.server.log
    assert "evil.example" not in reply.text + str(reply.headers)


def test_forged_addresses_do_not_evade_the_limit_of_an_address(behind: Behind) -> None:
    """O02."""
    statuses = []
    with behind.client("127.0.0.3") as client, behind.client("127.0.0.4") as neighbour:
        for number in range(11):
            forged = {name: f"203.0.113.{number}" for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded")}
            wrong = {"email": f"nobody{number}@example.com", "password": "wrong-password"}
            statuses.append(client.post(f"{behind.url}/api/login", json=wrong, headers=forged).status_code)
        other = neighbour.post(f"{behind.url}/api/login", json=wrong, headers={"X-Forwarded-For": "127.0.0.3"})
    print(f"O02: eleven failures from one address that calls itself eleven: {statuses}")
    assert statuses == [401] * 10 + [429]
    assert other.status_code == 401


def test_without_trusted_proxies_the_headers_of_all_are_ignored(tmp_path: Path) -> None:
    """O02."""
    with serve_behind(tmp_path, "nginx", trusted_proxies=0) as behind, behind.client() as client:
        assert client.post(f"{behind.url}/api/login", json=JOHN, headers=SPOOFED).status_code == 200
        assert addresses_of(behind) == ["127.0.0.1"]  # the proxy's own
        direct = f"{behind.server.url}/api/login"
        assert client.post(direct, json=JOHN, headers=SPOOFED).status_code == 200
        assert addresses_of(behind)[0] == CLIENT  # who really called


@pytest.mark.parametrize("balancer", [None, "127.0.0.1"])
def test_two_proxies_are_counted_and_no_more(tmp_path: Path, balancer: str | None) -> None:
    """O02: a second nginx in front of the first, which may know it; the client's own line is the third from the
    right."""
    outer = prepare(tmp_path / "outer")
    with (
        serve_behind(tmp_path, "nginx", balancer=balancer, trusted_proxies=2) as behind,
        serve_nginx(outer, behind.proxy.port, scheme="https"),
        Behind(behind.server, outer).client() as client,
    ):
        reply = client.post(f"{outer.url}/api/login", json=JOHN, headers=SPOOFED)
        assert reply.status_code == 200, reply.text
        assert addresses_of(behind) == [CLIENT]


def unfinished(behind: Behind, context: ssl.SSLContext, address: str) -> ssl.SSLSocket:
    """Begin a request that a balancer passes on for a client of that address."""
    connection = socket.create_connection(("127.0.0.1", behind.proxy.port), 5)
    secure = context.wrap_socket(connection, server_hostname="localhost")
    head = ("POST /api/login HTTP/1.1", "Host: localhost", f"X-Forwarded-For: {address}", "Content-Length: 1")
    secure.sendall("\r\n".join((*head, "", "")).encode())
    return secure


def test_behind_a_balancer_requests_under_way_are_counted_for_each_client(tmp_path: Path) -> None:
    """And what nginx refuses by itself looks like the API's errors."""
    one, other = "203.0.113.1", "203.0.113.2"
    with (
        serve_behind(tmp_path, "nginx", balancer="127.0.0.1", trusted_proxies=2) as behind,
        behind.client("127.0.0.1") as balancer,
        ExitStack() as held,
    ):
        context = ssl.create_default_context(cafile=behind.proxy.authority)

        def ask(address: str) -> requests.Response:
            return balancer.get(f"{behind.url}/api/me", headers={"X-Forwarded-For": address})

        for _ in range(100):
            held.enter_context(unfinished(behind, context, one))
        wait_until(lambda: ask(one).status_code == 429, "a hundred and one requests are under way")
        assert ask(other).status_code == 401
        many, large = ask(one), balancer.post(f"{behind.url}/api/login", data=b"x" * 400_000)
    refused = {429: (many, "unavailable"), 413: (large, "request_entity_too_large")}
    for status, (reply, code) in refused.items():
        assert reply.headers["Content-Type"] == "application/problem+json"
        said = reply.json()
        assert (reply.status_code, said["status"], said["code"], bool(said["detail"])) == (status, status, code, True)
        assert (reply.headers["Cache-Control"], reply.headers["Strict-Transport-Security"]) == ("no-store", HSTS)
    assert many.headers["Retry-After"] == "5"
