"""nginx in front of live servers as deploy/nginx.conf sets it up, without TLS, which these tests' clients lack."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.live import LiveServer, free_port
from tests.support.proxies import find_nginx
from webapp.config import ROOT

# nginx drops its rights when it is started by root, and would have to be given these folders.
_AROUND = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""


def _site(servers: list[LiveServer], port: int) -> str:
    """Return how deploy/nginx.conf hands requests on, for these servers."""
    text = (ROOT / "deploy/nginx.conf").read_text()
    [upstream] = re.findall(r"^upstream .*?^}", text, re.DOTALL | re.MULTILINE)
    for name, server in zip(("8000", "8001"), servers, strict=True):
        upstream = upstream.replace(f"127.0.0.1:{name}", f"127.0.0.1:{server.port}")
    handing_on = "\n".join(re.findall(r"^ +proxy_(?!pass).*", text, re.MULTILINE))
    location = "location / { proxy_pass http://evergreen; }"
    return f"{upstream}\nserver {{ listen 127.0.0.1:{port}; {handing_on}\n {location} }}"


@contextmanager
def nginx(folder: Path, servers: list[LiveServer]) -> Iterator[int]:
    """Start nginx before two servers; yield its port."""
    program, port = find_nginx(), free_port()
    folder.mkdir()
    configuration = folder / "nginx.conf"
    configuration.write_text(_AROUND.format(folder=folder, site=_site(servers, port)))
    running = subprocess.Popen([program, "-c", str(configuration), "-e", str(folder / "error.log")])
    try:
        deadline = time.monotonic() + 10
        while not listens(port):
            assert running.poll() is None and time.monotonic() < deadline, (folder / "error.log").read_text()
            time.sleep(0.02)
        yield port
    finally:
        running.terminate()
        running.wait(10)


def listens(port: int) -> bool:
    """Whether a connection to this port of 127.0.0.1 is accepted."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
