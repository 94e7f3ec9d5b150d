"""Secrets that pass through the tests, looked for afterwards in all that is kept: log lines, tables, metrics (O05).

Nobody has to plant them: every password, token, code and seed that a test sends or is given is one."""

import logging
import re
from collections.abc import Iterable, Iterator

from flask import Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from webapp import metrics
from webapp.database import Base, db
from webapp.logs import JsonFormatter

SENT = {"password", "new_password", "current_password", "token", "refresh_token", "code"}
GIVEN = {"access_token", "refresh_token", "secret", "otpauth_uri", "recovery_codes"}
IN_PATHS = re.compile(r"^/+(?:verify|reset|undo|not-me)/+([^/]+)")
SHORTEST = 8  # anything shorter is in some number or word by chance: codes of six digits are
FRAGMENT = 16
JWT_PARTS = 3


class Canaries:
    """What must not be found; `watch` collects it from an application, `leaks` looks for it."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.innocent: set[str] = set()  # what the same test also sends where anybody may read it

    def watch(self, app: Flask) -> None:
        app.after_request(self._take)

    def _take(self, response: Response) -> Response:
        for name, value in _fields_sent():
            self._sort(name in SENT, value)
        self._sort(True, request.headers.get("Authorization", "").partition(" ")[2])
        for name in ("refresh_token", "__Host-refresh_token"):
            self._sort(True, request.cookies.get(name))
        match = IN_PATHS.match(request.path)
        self._sort(match is not None, match[1] if match else request.path)
        self._sort(False, request.headers.get("User-Agent"))
        is_whole = response.is_json and not response.is_streamed  # what is given is; else it would be read too early
        body = response.get_json(silent=True) if is_whole else None
        for name in GIVEN & set(body if isinstance(body, dict) else ()):
            values = body[name] if isinstance(body[name], list) else [body[name]]
            for value in values:
                self._sort(True, value)
        self._sort(True, response.headers.get("X-New-Token"))
        return response

    def _sort(self, is_secret: bool, value: object) -> None:
        if isinstance(value, str) and len(value) >= SHORTEST:
            (self.secrets if is_secret else self.innocent).add(value)

    def told_by(self) -> list[str]:
        """Return what tells the secrets: the whole of each, or enough of it."""
        return [part for secret in self.secrets for part in _parts(secret) if not self._is_open(part)]

    def _is_open(self, part: str) -> bool:
        return any(part in text for text in self.innocent)


def _fields_sent() -> list[tuple[str, object]]:
    try:
        body = request.get_json(silent=True) if request.is_json else None
        return [*request.form.items(multi=True), *(body.items() if isinstance(body, dict) else ())]
    except (RequestEntityTooLarge, RecursionError, UnicodeError):  # what the product refuses, it does not read either
        return []


def _parts(secret: str) -> Iterator[str]:
    """What tells a secret, or enough of it. Of a token, the header is everybody's; claims and signature are its own."""
    pieces = secret.split(".")
    if len(pieces) == JWT_PARTS and len(pieces[2]) > FRAGMENT:
        parts = (pieces[1], pieces[2][:FRAGMENT], pieces[2][-FRAGMENT:])
        yield from (part for part in parts if len(part) >= SHORTEST)
    elif len(secret) > 2 * FRAGMENT:
        yield from (secret[:FRAGMENT], secret[-FRAGMENT:])
    else:
        yield secret


def kept_by(app: Flask) -> Iterator[tuple[str, str]]:
    """Yield (where, text) of every row of the application's database, as the driver gives it, which is faster."""
    with app.app_context(), db.engine.connect() as connection:
        for table in Base.metadata.tables:
            for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"'):  # noqa: S608 - a name of ours
                yield f"a row of {table}", "\n".join(map(str, row))


def written(records: Iterable[logging.LogRecord], *, is_development: bool) -> Iterator[tuple[str, str]]:
    """Yield (where, text) of log lines, as they would be written; without the links that development shows there."""
    formatter = JsonFormatter()
    for record in records:
        if not (is_development and record.name == "webapp.postman"):
            yield f"log of {record.name}", formatter.format(record)


def measured() -> Iterator[tuple[str, str]]:
    """Yield (where, text) of what /metrics would say of this process."""
    yield "metrics", metrics.exposition(None).decode()


def leaks(telling: Iterable[str], *sources: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Return (where, what) for each place that holds some of what tells a secret, see Canaries.told_by."""
    texts = (entry for source in sources for entry in source)
    return [(where, found) for where, text in texts if (found := [part for part in telling if part in text])]
