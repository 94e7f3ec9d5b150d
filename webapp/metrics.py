"""What Prometheus is told: what has been counted, over all workers together, and how things stand now.

Under gunicorn each worker counts in files of its own, in a folder that gunicorn.conf.py makes before they start, and
whoever is asked adds them up. No label holds what a client has sent: each comes from a list, here or in the code."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

# Any other process, such as a command, counts in memory: its folder may not be there yet, or be a server's, which would
# add up what it left there.
if os.environ.get("METRICS_MASTER") != str(os.getpid()):
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    os.environ.pop("prometheus_multiproc_dir", None)

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from webapp.version import VERSION

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED: Final = "unmatched"  # the route of whatever has none
# By which means somebody signs in, and what can come of it: success, or the `code` of an error (errors.py).
SIGN_IN_OUTCOMES: Final = {
    "password": (
        "success",
        "mfa_required",
        "invalid_credentials",
        "invalid_code",
        "too_many_attempts",
        "too_busy",
        "database_unavailable",
    ),
    "passkey": ("success", "invalid_passkey", "too_many_attempts", "database_unavailable"),
}
REFRESH_METHODS: Final = ("silent", "manual")


class Gauges(NamedTuple):
    """How things stand now, as the database says: the same on every worker and host."""

    active_sessions: int
    mails_waiting: int
    mails_failed: int


# --- each worker's files -------------------------------------------------------------------------------

_worker: Final[dict[str, int]] = {}


def count_as(number: int) -> None:
    """Count from here on as the worker of that number, where the last one of it left off.

    Files of dead workers still count. Named after process ids, each restart would leave some more to be added up."""
    _worker["number"] = number


def _file_name() -> str:
    return f"worker{_worker['number']}" if _worker else str(os.getpid())


# Some of the library comes without types: hence what is ignored here and below.
class _AllWorkers(MultiProcessCollector):
    def collect(self) -> Any:
        # A worker that starts at this moment has made its file and written nothing yet, which the library cannot read.
        files = [str(file) for file in Path(self._path).glob("*.db") if file.stat().st_size]
        return self.merge(files)  # type: ignore[no-untyped-call]


_is_shared: Final = values.ValueClass is not values.MutexValue  # the library looks for the folder when it is imported
if _is_shared:
    values.ValueClass = values.MultiProcessValue(_file_name)  # type: ignore[no-untyped-call]
# When counting began is known of one process only.
disable_created_metrics()  # type: ignore[no-untyped-call]
_registry: Final = CollectorRegistry()


# --- the instruments -----------------------------------------------------------------------------------

_requests: Final = Counter(
    "evergreen_http_requests_total", "Requests answered.", ("method", "route", "status"), registry=_registry
)
_request_duration: Final = Histogram(
    "evergreen_http_request_duration_seconds",
    "Time to answer a request.",
    ("route",),
    registry=_registry,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
_sign_ins: Final = Counter(
    "evergreen_sign_ins_total", "Attempts to sign in, by what came of them.", ("method", "outcome"), registry=_registry
)
_refreshes: Final = Counter(
    "evergreen_refreshes_total", "New access tokens for sessions that had one.", ("method",), registry=_registry
)
_refresh_reuse: Final = Counter(
    "evergreen_refresh_reuse_total", "Superseded refresh tokens that came back: theft.", registry=_registry
)
_password_hash: Final = Histogram(
    "evergreen_password_hash_seconds",
    "Time in argon2 for one password.",
    registry=_registry,
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1),
)
_password_hashes_refused: Final = Counter(
    "evergreen_password_hashes_refused_total", "Passwords not hashed since too many waited.", registry=_registry
)


@cache
def _requests_of(method: str, route: str, status: int) -> Counter:
    return _requests.labels(method, route, status)


@cache
def _duration_of(route: str) -> Histogram:
    return _request_duration.labels(route)


# Each is there from the start, with 0: what appears with 1 has not risen, as far as Prometheus can see.
_sign_ins_of: Final = {
    (method, outcome): _sign_ins.labels(method, outcome)
    for method, outcomes in SIGN_IN_OUTCOMES.items()
    for outcome in outcomes
}
_refreshes_of: Final = {method: _refreshes.labels(method) for method in REFRESH_METHODS}


def count_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """Count an answered request; `route` is the URL rule's template, None where none matched."""
    # Any word may stand for the method: only known ones are kept.
    _requests_of(method if method in METHODS else "other", route or UNMATCHED, status).inc()
    _duration_of(route or UNMATCHED).observe(seconds)


def count_sign_in(method: str, outcome: str) -> None:
    """Count an attempt to sign in; outcomes that SIGN_IN_OUTCOMES does not name are no attempts."""
    if counter := _sign_ins_of.get((method, outcome)):
        counter.inc()


def count_refresh(method: Literal["silent", "manual"]) -> None:
    _refreshes_of[method].inc()


def count_reuse() -> None:
    _refresh_reuse.inc()


def count_refused_hash() -> None:
    _password_hashes_refused.inc()


def time_hash() -> AbstractContextManager[Any]:
    """Return a block whose duration is that of a password's hash."""
    return _password_hash.time()


# --- writing out ---------------------------------------------------------------------------------------


class _Now(Collector):
    def __init__(self, gauges: Gauges | None) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("evergreen_build_info", "The version that runs.", labels=("version",))
        build.add_metric((VERSION,), 1)
        yield build
        is_up = self._gauges is not None
        yield GaugeMetricFamily("evergreen_database_up", "Whether the database answers.", value=is_up)
        if self._gauges is None:
            return
        sessions, waiting, failed = self._gauges
        yield GaugeMetricFamily("evergreen_active_sessions", "Sessions that a token still opens.", value=sessions)
        yield GaugeMetricFamily("evergreen_mails_waiting", "Mails still to be sent.", value=waiting)
        yield GaugeMetricFamily("evergreen_mails_failed", "Mails given up; they stay until retried.", value=failed)


def exposition(gauges: Gauges | None) -> bytes:
    """Return all metrics in Prometheus' text format; `gauges` is None while the database does not answer."""
    registry = CollectorRegistry()
    registry.register(_AllWorkers(None) if _is_shared else _registry)  # type: ignore[no-untyped-call]
    registry.register(_Now(gauges))
    return generate_latest(registry)
