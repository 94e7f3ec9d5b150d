"""nginx and Caddy as deploy/ configures them, on ports of 127.0.0.1, with a certificate for localhost."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
import trustme

from tests.support.live import STARTS_WITHIN, free_port
from tests.support.services import require_program
from webapp.config import ROOT

UNPACKED = ROOT / ".venv/proxies/usr"  # where `make test` puts them


@dataclass(frozen=True)
class Proxy:
    """What a proxy needs before it runs: its two ports, and who vouches for its certificate."""

    folder: Path
    port: int
    plain_port: int

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def plain_url(self) -> str:
        return f"http://localhost:{self.plain_port}"

    @property
    def authority(self) -> str:
        return str(self.folder / "authority.pem")


def prepare(folder: Path) -> Proxy:
    """Choose ports and issue a certificate, so that the product can be told its address before the proxy runs."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "authority.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "chain.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    return Proxy(folder, free_port(), free_port())


def _replaced(text: str, changes: dict[str, str]) -> str:
    """Return `text` with each key replaced by its value; a key that is not there is a mistake of the test."""
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in the file any more"
        text = text.replace(old, new)
    return text


def find_nginx() -> str:
    """Return the path of the program."""
    return require_program(str(UNPACKED / "sbin/nginx"), "nginx", "/usr/sbin/nginx")


@contextmanager
def serve_nginx(proxy: Proxy, *upstreams: int, scheme: str = "http", balancer: str | None = None) -> Iterator[None]:
    """deploy/nginx.conf in front of two servers; with one, nothing listens where the other should. With the address of
    a balancer, the lines for one are uncommented."""
    program = find_nginx()
    first, second = (*upstreams, free_port())[:2]
    certificate = "/etc/letsencrypt/live/accounts.example.com"
    site = _replaced(
        (ROOT / "deploy/nginx.conf").read_text(),
        {
            f"{certificate}/fullchain.pem": str(proxy.folder / "chain.pem"),
            f"{certificate}/privkey.pem": str(proxy.folder / "key.pem"),
            "accounts.example.com": "localhost",
            "    listen [::]:80;\n": "",
            "    listen [::]:443 ssl http2;\n": "",
            "    listen [::]:443 ssl http2 default_server;\n": "",
            "listen 80": f"listen 127.0.0.1:{proxy.plain_port}",
            "listen 443": f"listen 127.0.0.1:{proxy.port}",
            "127.0.0.1:8000": f"127.0.0.1:{first}",
            "127.0.0.1:8001": f"127.0.0.1:{second}",
            **(_uncommented(balancer) if balancer else {}),
            "proxy_pass http://evergreen;": f"{_NAMED if scheme == 'https' else ''} proxy_pass {scheme}://evergreen;",
        },
    )
    (proxy.folder / "site.conf").write_text(site)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    (proxy.folder / "nginx.conf").write_text(
        "daemon off; worker_processes 2; events {}\n"
        + ("user root;\n" if os.geteuid() == 0 else "")
        + f"pid {proxy.folder}/nginx.pid; error_log {proxy.folder}/error.log warn;\n"
        # As Debian's own file has it: compression is on until a site says otherwise.
        + "http { access_log off; gzip on; default_type application/octet-stream;\n"
        + "".join(f"{kind}_temp_path {proxy.folder}/{kind};\n" for kind in kinds)
        + f"include {proxy.folder}/site.conf; }}\n"
    )
    errors = proxy.folder / "error.log"
    with _running([program, "-e", str(errors), "-c", str(proxy.folder / "nginx.conf")], proxy):
        yield


def _uncommented(balancer: str) -> dict[str, str]:
    """Return the changes to deploy/nginx.conf that let it stand behind a proxy of that address."""
    return {
        "# set_real_ip_from 192.0.2.1;": f"set_real_ip_from {balancer};",
        "# real_ip_header": "real_ip_header",
    }


@contextmanager
def serve_caddy(proxy: Proxy, *upstreams: int) -> Iterator[None]:
    """deploy/Caddyfile, with the certificate given instead of asked for."""
    program = require_program(str(UNPACKED / "bin/caddy"), "caddy")
    site = _replaced(
        (ROOT / "deploy/Caddyfile").read_text(),
        {
            "lb_try_duration 15s": "lb_try_duration 2s",  # how long a test waits while there is no server
            "admin off": f"admin off\n default_bind 127.0.0.1\n http_port {proxy.plain_port}",
            "{$PUBLIC_URL} {": f"{{$PUBLIC_URL}} {{\n tls {proxy.folder}/chain.pem {proxy.folder}/key.pem",
        },
    )
    (proxy.folder / "Caddyfile").write_text(site)
    settings = {
        "PUBLIC_URL": proxy.url,
        "UPSTREAM": " ".join(f"127.0.0.1:{port}" for port in upstreams),
        "HOME": str(proxy.folder),
    }
    command = [program, "run", "--adapter", "caddyfile", "--config", str(proxy.folder / "Caddyfile")]
    with _running(command, proxy, **settings):
        yield


_NAMED = "proxy_ssl_server_name on; proxy_ssl_name $host;"
PROXIES: dict[str, Callable[..., AbstractContextManager[None]]] = {"nginx": serve_nginx, "caddy": serve_caddy}


@contextmanager
def _running(command: list[str], proxy: Proxy, **settings: str) -> Iterator[None]:
    environment = {"PATH": os.environ["PATH"], **settings}
    with (proxy.folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_ready(process, proxy)
        yield
    finally:
        process.terminate()
        process.wait(15)


def _wait_until_ready(process: subprocess.Popen[bytes], proxy: Proxy) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{proxy.url}/healthz", timeout=5, verify=proxy.authority).status_code == requests.codes.ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    raise AssertionError(f"the proxy did not start:\n{(proxy.folder / 'proxy.log').read_text()}")
