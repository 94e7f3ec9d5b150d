"""The product in production over TLS: `live` speaks plain http only."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
import trustme

from tests.support.live import STARTS_WITHIN, free_port
from tests.support.settings import SECRET_KEY
from webapp.config import ROOT


@contextmanager
def serve_tls(folder: Path, database_url: str) -> Iterator[str]:
    """Serve with production settings and a certificate for localhost; yield the address."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    trusted, chain, key = (folder / name for name in ("ca.pem", "chain.pem", "key.pem"))
    authority.cert_pem.write_to_path(trusted)
    certificate.cert_chain_pems[0].write_to_path(chain)
    certificate.private_key_pem.write_to_path(key)
    port = free_port()
    url = f"https://localhost:{port}"
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | {
        "APP_ENV": "production",
        "SECRET_KEY": SECRET_KEY,
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "PUBLIC_URL": url,
        "WEB_CONCURRENCY": "1",
    }
    command = [sys.executable, "-m", "gunicorn", "--certfile", str(chain), "--keyfile", str(key), "wsgi:app"]
    with (folder / "tls.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_ready(process, url, trusted)
        yield url
    finally:
        process.terminate()
        process.wait(15)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, trusted: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{url}/healthz", timeout=2, verify=str(trusted)).ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{(trusted.parent / 'tls.log').read_text()}")
