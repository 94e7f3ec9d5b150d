"""How gunicorn serves the product: `gunicorn wsgi:app` reads this file by itself."""

import socket
import sys

from webapp.config import ConfigError, load_settings
from webapp.passwords import WAITING_AT_MOST

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
loglevel = "warning"  # each request is logged by the application, see webapp/web/hooks.py


def when_ready(_server):
    """Say where to look, on standard output."""
    print(f"Evergreen serves {settings.base_url}", flush=True)


def on_starting(_server):
    """Say in one line that the port is taken; with `reuse_port` two servers would share it without a word."""
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            sys.exit(f"Evergreen cannot listen on {bind}: {error.strerror}. Stop what runs there, or set PORT.")
