"""Many clients at once: a crowd in threads of their own, and a client of each of a server's workers."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

import psutil

from tests.faults.clients import TIMEOUT, Client
from tests.support.live import LiveServer

T = TypeVar("T")
Item = TypeVar("Item")


class Crowd:
    """As many threads and clients as are asked for at once."""

    def __init__(self, servers: Sequence[LiveServer], size: int) -> None:
        self.clients = [Client(servers[number % len(servers)]) for number in range(size)]
        self._pool = ThreadPoolExecutor(size)

    def at_once(self, act: Callable[[Client, Item], T], items: Iterable[Item]) -> list[T]:
        """Return `act(client, item)` for each item, all begun at the same moment, each on a connection of its own."""
        pairs = list(zip(self.clients, items, strict=False))
        barrier = Barrier(len(pairs))

        def begin(client: Client, item: Item) -> T:
            barrier.wait(TIMEOUT)
            return act(client, item)

        return [task.result() for task in [self._pool.submit(begin, *pair) for pair in pairs]]

    def each(self, act: Callable[[Client, Item], T], items: Iterable[Item]) -> list[T]:
        """Return `act(client, item)` for each item; any number of them, dealt out to the clients."""
        dealt = list(items)
        size = len(self.clients)
        lanes = self.at_once(
            lambda client, lane: [act(client, item) for item in dealt[lane::size]], range(min(size, len(dealt)))
        )
        return [lanes[index % size][index // size] for index in range(len(dealt))]

    def close(self) -> None:
        self._pool.shutdown()
        for client in self.clients:
            client.close()


@contextmanager
def crowd(server: LiveServer | Sequence[LiveServer], size: int) -> Iterator[Crowd]:
    """So many clients of a server, or of several in turn."""
    people = Crowd([server] if isinstance(server, LiveServer) else server, size)
    try:
        yield people
    finally:
        people.close()


@contextmanager
def client_of_each_worker(server: LiveServer) -> Iterator[list[Client]]:
    """Clients of each of the server's workers: those that have one stand still until all have, since the kernel may
    deal any number of connections to the same worker."""
    found: dict[int, Client] = {}
    clients: list[Client] = []
    pids = set(server.worker_pids)
    try:
        try:
            for _ in pids:
                client = Client(server)
                clients.append(client)
                client.call("GET", "/healthz")
                [pid] = [pid for pid in pids - found.keys() if _holds(pid, client.local_port)]
                found[pid] = client
                psutil.Process(pid).suspend()
        finally:
            for pid in found:
                psutil.Process(pid).resume()
        yield list(found.values())
    finally:
        for client in clients:
            client.close()


def _holds(pid: int, port: int) -> bool:
    return any(item.raddr and item.raddr.port == port for item in psutil.Process(pid).net_connections())
