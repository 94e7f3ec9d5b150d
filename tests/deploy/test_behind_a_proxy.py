"""Behind nginx and behind Caddy as deploy/ configures them, over TLS, with the settings of production."""

import json
import socket
import ssl
from contextlib import ExitStack, suppress
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
import requests

from tests.deploy.behind import CLIENT, Behind, serve_behind
from tests.faults.servers import rows
from tests.support.people import EMAIL, PASSWORD
from tests.support.proxies import prepare, serve_nginx
from tests.support.waiting import wait_until

JOHN = {"email": EMAIL, "password": PASSWORD}
SPOOFED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Real-IP": "203.0.113.9",
    "Forwarded": "for=203.0.113.9;proto=http;host=evil.example",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "80",
    "X-Forwarded-Prefix": "/evil",
}
HSTS = "max-age=31536000; includeSubDomains"


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


def test_every_answer_says_hsts_once_the_proxys_own_too_and_little_of_what_made_it(behind: Behind) -> None:
    """H05, H08."""
    with behind.client() as client:
        replies = {
            "page": client.get(f"{behind.url}/login"),
            "redirect": client.get(f"{behind.url}/account", allow_redirects=False),
            "static": client.get(f"{behind.url}/static/css/base.css"),
            "401": client.get(f"{behind.url}/api/me"),
            "404": client.get(f"{behind.url}/nothing"),
            "413 of the product": client.post(f"{behind.url}/api/login", data=b"x" * 70_000),
            "413 of the proxy": client.post(f"{behind.url}/api/login", data=b"x" * 400_000),
        }
    assert [reply.status_code for reply in replies.values()] == [200, 303, 200, 401, 404, 413, 413]
    # requests joins headers that come twice by a comma
    assert {name: reply.headers.get("Strict-Transport-Security") for name, reply in replies.items()} == dict.fromkeys(
        replies, HSTS
    )
    assert {reply.headers.get("Server", "nginx") for reply in replies.values()} <= {"nginx", "gunicorn"}
    assert not any("X-Powered-By" in reply.headers for reply in replies.values())


@pytest.mark.parametrize("size", [70_000, 127_000, 140_000, 400_000])
def test_what_is_too_large_is_said_to_be_so_by_the_product_and_by_either_proxy(behind: Behind, size: int) -> None:
    """And not to be sent again in a moment, as if the service were away."""
    with behind.client() as client:
        replies = [client.post(f"{behind.url}/api/login", data=b"x" * size) for _ in range(3)]
    for reply in replies:
        assert (reply.status_code, reply.headers["Content-Type"]) == (413, "application/problem+json")
        said = reply.json()
        assert (said["status"], said["code"]) == (413, "request_entity_too_large")
        assert reply.headers["Cache-Control"] == "no-store"
        assert "Retry-After" not in reply.headers


def test_cookies_are_of_our_host_alone_and_signing_out_removes_them(behind: Behind) -> None:
    """H03, V09: what Set-Cookie says; tests/browser/test_tls.py shows that Chromium does it."""
    same_origin = {"Origin": behind.url}
    with behind.client() as client:
        signed_in = client.post(f"{behind.url}/api/login", json={**JOHN, "transport": "cookie"})
        refreshed = client.post(f"{behind.url}/api/refresh", headers=same_origin)
        signed_out = client.post(f"{behind.url}/api/logout", headers=same_origin)
        after = client.post(f"{behind.url}/api/refresh", headers=same_origin)
    assert [reply.status_code for reply in (signed_in, refreshed, signed_out, after)] == [200, 200, 204, 401]
    name, remaining = "__Host-refresh_token", 30 * 86_400
    for reply, life in ((signed_in, remaining), (refreshed, remaining), (signed_out, 0)):
        cookie = next(SimpleCookie(line)[name] for line in reply.raw.headers.getlist("Set-Cookie") if name in line)
        assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "Lax")
        assert cookie["secure"] and cookie["httponly"]
        assert abs(int(cookie["max-age"]) - life) <= 2
        assert len(cookie.OutputString()) < 4096
    assert name not in client.cookies


def test_plain_http_redirects_pages_and_refuses_programs(behind: Behind) -> None:
    plain = behind.proxy.plain_url
    with behind.client() as client:
        page = client.get(f"{plain}/login?next=/account", allow_redirects=False)
        call = client.post(f"{plain}/api/login", json=JOHN, allow_redirects=False)
    assert (page.status_code, page.headers["Location"]) == (308, "https://localhost/login?next=/account")
    assert (call.status_code, call.headers.get("Location")) == (403, None)


def test_other_names_get_no_certificate_and_other_hosts_no_page(behind: Behind) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://127.0.0.1:{behind.proxy.port}/", timeout=5, verify=behind.proxy.authority)
    with behind.client() as client, suppress(requests.ConnectionError):  # nginx hangs up, Caddy has nothing to say
        assert client.get(f"{behind.url}/login", headers={"Host": "evil.example"}).text == ""


def test_metrics_are_not_open_through_the_proxy(behind: Behind) -> None:
    with behind.client() as client:
        assert client.get(f"{behind.url}/metrics", headers={"Host": "localhost"}).status_code == 404


def test_pages_are_not_compressed_and_static_files_are(behind: Behind) -> None:
    with behind.client() as client:
        assert "Content-Encoding" not in client.get(f"{behind.url}/login").headers
        assert client.get(f"{behind.url}/static/css/base.css").headers["Content-Encoding"] == "gzip"
