"""What answers are like behind nginx and behind Caddy as deploy/ configures them, over TLS, with the settings of
production."""

from contextlib import suppress
from http.cookies import SimpleCookie

import pytest
import requests

from tests.deploy.behind import HSTS, JOHN, Behind


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
