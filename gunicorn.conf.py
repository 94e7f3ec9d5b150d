"""How gunicorn serves the product: `gunicorn wsgi:app` reads this file by itself."""

import atexit
import fcntl
import os
import shutil
import socket
import sys
import tempfile
from itertools import count
from pathlib import Path


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
    prepare_metrics_folder()

# Imported now, since prometheus_client looks for the folder when it is imported.
from webapp import logs, metrics  # noqa: E402
from webapp.config import ConfigError, load_settings  # noqa: E402
from webapp.passwords import WAITING_AT_MOST  # noqa: E402

try:
    settings = load_settings()
except ConfigError as error:
    # Checked here, once: a worker that exits while it imports would be started again for ever.
    sys.exit(f"Evergreen cannot start:\n{error}")

is_ipv6 = ":" in settings.host
bind = f"[{settings.host}]:{settings.port}" if is_ipv6 else f"{settings.host}:{settings.port}"
workers = settings.web_concurrency
# Threads, so that an API call need not wait behind passwords being hashed (23 ms each, one at a time): as many as may
# wait for their hash, and eight that never do. With a hundred clients that try to sign in, /api/me takes 40 ms at the
# 99th percentile; with 4 threads, where sign-ins could take them all, it took 2.3 s.
worker_class = "gthread"
threads = WAITING_AT_MOST + 8
# Each worker has its own socket and the kernel deals connections out; with one shared socket and keep-alive, a single
# worker may end up with all of them.
reuse_port = True
keepalive = 5
graceful_timeout = 30
# Who may set X-Forwarded-*: TRUSTED_PROXIES says, see create_app; gunicorn itself trusts nobody.
forwarded_allow_ips = ""
secure_scheme_headers = {}
control_socket_disable = True
logconfig_dict = logs.configuration(settings)  # each request is logged by the application, see webapp/web/hooks.py


def when_ready(_server):
    """Say where to look, on standard output."""
    print(f"Evergreen serves {settings.base_url}", flush=True)


def pre_fork(server, worker):
    """Number the workers: the successor of one that ended takes its number, and counts on in its files."""
    taken = {other.number for other in server.WORKERS.values()}
    worker.number = next(number for number in count(1) if number not in taken)


def post_fork(_server, worker):
    metrics.count_as(worker.number)
    atexit.unregister(shutil.rmtree)  # the folder is the master's, and other workers count on


def on_starting(_server):
    """Say in one line that the port is taken; with `reuse_port` two servers would share it without a word."""
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            sys.exit(f"Evergreen cannot listen on {bind}: {error.strerror}. Stop what runs there, or set PORT.")
