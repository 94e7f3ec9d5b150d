"""The product with the settings of production behind each of the proxies that deploy/ configures."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.support.live import LiveServer, serve
from tests.support.loopback import From
from tests.support.people import EMAIL, PASSWORD, database_with_john
from tests.support.proxies import PROXIES, Proxy, prepare

TIMEOUT = 60  # seconds
JOHN = {"email": EMAIL, "password": PASSWORD}
HSTS = "max-age=31536000; includeSubDomains"
CLIENT = "127.0.0.2"  # the proxy sees this address, and the product sees the proxy's, 127.0.0.1


@dataclass(frozen=True)
class Behind:
    """The product behind a proxy."""

    server: LiveServer
    proxy: Proxy

    @property
    def url(self) -> str:
        return self.proxy.url

    def client(self, address: str = CLIENT) -> requests.Session:
        """A client with that address of this machine, which trusts the proxy's certificate and no other."""
        client = requests.Session()
        client.trust_env, client.verify = False, self.proxy.authority
        for scheme in ("http://", "https://"):
            client.mount(scheme, _From(address))
        return client


class _From(From):
    """Waits for an answer with an end, too, which requests by itself does not."""

    def send(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> requests.Response:
        return super().send(*args, timeout=timeout or TIMEOUT, **kwargs)


def production(proxy: Proxy) -> dict[str, Any]:
    """Return the settings of a server behind one proxy."""
    return {"app_env": "production", "public_url": proxy.url, "trusted_proxies": 1, "ratelimit_enabled": True}


@contextmanager
def serve_behind(folder: Path, name: str, *, balancer: str | None = None, **settings: Any) -> Iterator[Behind]:
    """Serve in production behind the proxy of that name, with John Doe in a fresh database; nginx may be told of a
    balancer before it."""
    proxy, url = prepare(folder / name), database_with_john(folder)
    with (
        serve(folder, url, workers=1, **{**production(proxy), **settings}) as server,
        PROXIES[name](proxy, server.port, **({"balancer": balancer} if balancer else {})),
    ):
        yield Behind(server, proxy)
