"""The addresses of the loopback network, each of which is a client of its own."""

from typing import Any

from requests.adapters import HTTPAdapter


class From(HTTPAdapter):
    """What a session of requests mounts to connect from one of them."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **kwargs)
