"""Redis as one may lose it: a server that dies, hangs or forgets, and a way to it on which its answers are late."""

import asyncio
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from redis import Redis, RedisError

from tests.support.live import free_port
from tests.support.services import require_program
from tests.support.waiting import wait_until

TIMEOUT = 10  # seconds


@dataclass
class OwnRedis:
    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.process = started(self.port, self.folder)
        wait_until(self.answers_by_now, "Redis does not answer")

    def answers_by_now(self) -> bool:
        with suppress(RedisError), self._client() as redis:
            return bool(redis.ping())
        return False

    def forget(self) -> None:
        with self._client() as redis:
            redis.flushall()

    def _client(self) -> Redis:
        return Redis.from_url(self.url, socket_timeout=TIMEOUT)

    def die(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def hang(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


def started(port: int, folder: Path) -> subprocess.Popen[bytes]:
    command = [require_program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    return subprocess.Popen([*command, "--dir", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class SlowWay:
    """Where Redis can be reached too, with answers that come `late` seconds later."""

    def __init__(self, redis_port: int) -> None:
        self.port, self.late = free_port(), 0.0
        self._redis_port = redis_port
        self._end: Callable[[], object]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @contextmanager
    def open(self) -> Iterator[None]:
        is_open = Event()
        thread = Thread(target=lambda: asyncio.run(self._serve(is_open)))
        thread.start()
        assert is_open.wait(5)
        try:
            yield
        finally:
            self._end()
            thread.join(10)

    async def _serve(self, is_open: Event) -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        self._end = lambda: loop.call_soon_threadsafe(end.set)
        async with await asyncio.start_server(self._take, "127.0.0.1", self.port):
            is_open.set()
            await end.wait()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection("127.0.0.1", self._redis_port)
        with suppress(OSError):
            await asyncio.gather(
                self._hand_on(reader, questions, lambda: 0), self._hand_on(answers, writer, lambda: self.late)
            )

    async def _hand_on(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, late: Callable[[], float]
    ) -> None:
        try:
            while data := await source.read(65_536):
                await asyncio.sleep(late())
                target.write(data)
        finally:
            target.close()
