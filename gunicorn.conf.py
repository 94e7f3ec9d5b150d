"""How gunicorn serves the product: `gunicorn wsgi:app` reads this file by itself."""

import atexit
import ctypes
import errno
import fcntl
import logging
import os
import shutil
import socket
import sqlite3
import sys
import tempfile
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

if "GUNICORN_PID" in os.environ:
    # A second server in the environment of the first: it would count in the first one's folder, which goes with that.
    sys.exit("Evergreen does not follow SIGUSR2. docs/operations.md says how to restart without losing a request.")


def prepare_metrics_folder():
    """Make an empty folder in which the workers count, see webapp/metrics.py; an operator may name one."""
    if given := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        Path(given).mkdir(mode=0o700, parents=True, exist_ok=True)
        for left_over in Path(given).glob("*.db"):
            left_over.unlink()
        return
    folder = tempfile.mkdtemp(prefix="evergreen-metrics-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # Locked as long as this process lives: what tidies old files away in /tmp leaves it alone (tmpfiles.d(5)).
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_SH)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


if "prometheus_client" not in sys.modules:  # a reload runs this file again, and what was counted must stay
    try:
        prepare_metrics_folder()
    except OSError as error:
        sys.exit(f"Evergreen cannot start: {error}. Set TMPDIR, or PROMETHEUS_MULTIPROC_DIR, to what can be written.")
    os.environ["METRICS_MASTER"] = str(os.getpid())  # to webapp/metrics.py: the folder is this process's

from gunicorn.glogging import Logger  # noqa: E402

# Imported now, since prometheus_client looks for the folder when it is imported.
from webapp import logs, metrics  # noqa: E402
from webapp.config import ConfigError, load_settings  # noqa: E402
from webapp.database import database_config  # noqa: E402
from webapp.doctor import sqlite  # noqa: E402
from webapp.passwords import WAITING_AT_MOST  # noqa: E402
from webapp.serving import Worker  # noqa: E402

try:
    settings = load_settings()
    database_config(settings)  # makes the folder of a SQLite file
except (ConfigError, OSError) as error:
    # Tried here, once: a worker that exits while it imports would be started again for ever.
    sys.exit(f"Evergreen cannot start:\n{error}")

is_ipv6 = ":" in settings.host
bind = f"[{settings.host}]:{settings.port}" if is_ipv6 else f"{settings.host}:{settings.port}"
workers = settings.web_concurrency
# Threads, so that an API call need not wait behind passwords being hashed (23 ms each, one at a time): as many as may
# wait for their hash, and eight that never do. Beside twenty connections that sign in all the time, /api/me takes 13 ms
# at the 99th percentile; with 4 threads, all of which sign-ins may take, 340 ms, with one 499 ms. Alone it costs least
# with so many: half of them may stay with a client that asks on (webapp/serving.py, bench/RESULTS.md).
worker_class = Worker
threads = WAITING_AT_MOST + 8
# All workers accept from one socket, which the master holds: whoever waits there while workers come and go is served by
# the next one. With a socket for each worker, what waits at one that goes is reset: 10 to 35 of 13,000 requests during
# two reloads, and with `max_requests` everybody while all workers start again at once; with one socket none. The price
# is small: of 100 kept-alive connections that came one by one, the busiest of 2 workers had 50 to 69 (54 to 58 with a
# socket each), of 4 workers 35 to 53 (28 to 35); of 100 that came at once, as many either way.
reuse_port = False
keepalive = 5
graceful_timeout = 30
# Who may set X-Forwarded-*: TRUSTED_PROXIES says, see create_app; gunicorn itself trusts nobody.
forwarded_allow_ips = ""
secure_scheme_headers = {}
control_socket_disable = True
logconfig_dict = logs.configuration(settings)


class logger_class(Logger):  # noqa: N801 - the setting's name
    """Each request is logged by the application (webapp/web/hooks.py); gunicorn would make one more, and drop it."""

    def access(self, *_):
        pass


def when_ready(_server):
    """Say where to look, on standard output; and in the log, once for all workers, what may damage the database."""
    if settings.database_url.startswith("sqlite") and sqlite.has_wal_reset_bug(sqlite3.sqlite_version_info):
        logging.getLogger("webapp").warning("%s", sqlite.WAL_RESET_BUG)
    print(f"Evergreen serves {settings.base_url}", flush=True)


def pre_fork(server, worker):
    """Number the workers: the successor of one that ended takes its number, and counts on in its files."""
    taken = {other.number for other in server.WORKERS.values()}
    worker.number = next(number for number in count(1) if number not in taken)


# Of mallopt(3). One heap for all threads of a worker: glibc has one for each of the first sixteen, and what is free in
# one the others cannot use. Side by side (tests/faults/test_soak.py, SQLite, 25 minutes after half an hour) two workers
# grew by 0.00 and 0.00 MB a minute with one heap, by 0.01 and 0.18 with many.
M_ARENA_MAX = -8


def post_fork(_server, worker):
    metrics.count_as(worker.number)
    with suppress(AttributeError):  # a C library other than glibc has no such call, and no such heaps
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
    atexit.unregister(shutil.rmtree)  # the folder is the master's, and other workers count on


# What helps against the errors of on_starting that are about the port.
ADVICE = {
    errno.EADDRINUSE: "Stop what runs there, or set PORT",
    errno.EACCES: "Ports below 1024 are for root: set PORT to another",
}


def on_starting(server):
    """Say in one line, and at once, if nobody can listen there; and stand in front of gunicorn's way to reload."""
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            advice = ADVICE.get(error.errno, "Set HOST to an address of this machine")
            sys.exit(f"Evergreen cannot listen on {bind}: {error.strerror}. {advice}.")
    server.handle_hup = partial(reload_by, server.handle_hup)


def reload_by(handle_hup):
    """Follow SIGHUP if a worker could start with the settings. Else gunicorn would end, or serve nobody."""
    trial = os.fork()
    if trial == 0:
        os._exit(0 if can_start() else 1)
    _, status = os.waitpid(trial, 0)
    if status == 0:
        handle_hup()


def can_start():
    """Try it, in a process of its own, since what is imported here all later workers would share."""
    from webapp import create_app  # noqa: PLC0415

    try:
        create_app(load_settings())
    except Exception as error:
        logging.getLogger("webapp").error("Not reloaded, the settings from before stay in force:\n%s", error)
        return False
    return True
