"""Where the limits per address are counted when it is Redis: and what counts while Redis is away."""

import logging
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from limits.storage import MemoryStorage, RedisStorage

PATIENCE: Final = 0.2  # seconds for Redis to take a connection, and to answer
PAUSE: Final = 2.0  # seconds after which a Redis that was away is tried again
PREFIX: Final = "patient+"

T = TypeVar("T")
log = logging.getLogger(__name__)


class PatientRedis(RedisStorage):
    """Counts in Redis, and in this process's memory while that does not answer: no request is refused or held up by it.

    Flask-Limiter's own fallback lets threads that fail together, and whoever is counted after the view, run into a 500,
    and takes an error of the database for one of Redis."""

    STORAGE_SCHEME = [f"{PREFIX}{scheme}" for scheme in ("redis", "rediss", "redis+unix")]  # noqa: RUF012 - as the base

    def __init__(self, uri: str, **options: Any) -> None:
        # Imported here: it takes a fifth of a second.
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        limits = {"socket_connect_timeout": PATIENCE, "socket_timeout": PATIENCE, "retry": Retry(NoBackoff(), 0)}
        super().__init__(uri.removeprefix(PREFIX), **{**limits, **options})
        self._memory = MemoryStorage()
        self._is_away = False
        self._tries_at = 0.0

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        return self._ask(super().incr, self._memory.incr, key, expiry, amount)

    def get(self, key: str) -> int:
        return self._ask(super().get, self._memory.get, key)

    def get_expiry(self, key: str) -> float:
        return self._ask(super().get_expiry, self._memory.get_expiry, key)

    def _ask(self, redis: Callable[..., T], memory: Callable[..., T], *arguments: Any) -> T:
        if self._is_away:
            now = time.monotonic()
            if now < self._tries_at:
                return memory(*arguments)
            self._tries_at = now + PAUSE  # this thread tries, the others go on meanwhile
        try:
            answer = redis(*arguments)
        except self.base_exceptions as error:
            if not self._is_away:
                log.warning("Redis does not answer, each worker counts for itself: %s", type(error).__name__)
            self._tries_at = time.monotonic() + PAUSE
            self._is_away = True
            return memory(*arguments)
        if self._is_away:
            log.warning("Redis answers again")
            self._is_away = False
        return answer
