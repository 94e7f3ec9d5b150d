"""A front end on an origin of its own: a static server with one small application that uses the client."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from webapp.config import ROOT

FOLDER = Path(__file__).parent / "frontend"
CLIENT = ROOT / "static/js/evergreen"
OWN_COPY = "/evergreen/index.js"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


@dataclass
class FrontEnd:
    """A running front end. `words` are put into its files where they say %NAME%."""

    origin: str
    words: dict[str, str] = field(default_factory=dict)

    def use(self, api_url: str, *, client: str = OWN_COPY, **options: Any) -> None:
        """Let the page create its auth for the server at `api_url`, with the client imported from `client`."""
        self.words |= {"CLIENT": client, "OPTIONS": json.dumps({"baseURL": f"{api_url}/api", **options})}


class _Server(ThreadingHTTPServer):
    front_end: FrontEnd


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        folder, name = (CLIENT, path.removeprefix("/evergreen/")) if "/evergreen/" in path else (FOLDER, path[1:])
        file = folder / (name or "index.html")
        if not file.is_file():
            self.send_error(404)
            return
        text = file.read_text()
        for word, value in self.server.front_end.words.items():
            text = text.replace(f"%{word}%", value)
        self.send_response(200)
        self.send_header("Content-Type", TYPES[file.suffix])
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests see what matters in the browser."""


@contextmanager
def serve_front_end(host: str = "localhost") -> Iterator[FrontEnd]:
    """Serve the front end on a free port; "localhost" is the API's own site, "127.0.0.1" another one."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.front_end = FrontEnd(f"http://{host}:{server.server_port}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.front_end
        finally:
            server.shutdown()
            thread.join()
