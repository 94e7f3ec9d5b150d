"""Where log lines go: standard error, one line each; as JSON, with the request they belong to, tracebacks too."""

import json
import logging
import logging.config
import re
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_core import PydanticSerializationError, to_json

from webapp.config import Settings

# The request that this thread is answering, or answered last; "" where there was none.
request_id: Final[ContextVar[str]] = ContextVar("request_id", default="")

# What others' formatters may ask a record for.
_UNKNOWN: Final = dict.fromkeys(("process", "processName", "thread", "threadName"))
_COMMON: Final = logging.LogRecord("", logging.INFO, "", 0, "", None, None).__dict__ | _UNKNOWN

# What gunicorn says of requests that it could not read, or that failed outside the application, up to the place where
# it begins to quote them: a line or a header that is damaged may hold a token as well as a whole one.
_BEFORE_A_QUOTE: Final = re.compile(r"Invalid request from ip=\S*: [A-Za-z ]*|Error handling request")


class _LeanRecord(logging.LogRecord):
    """An INFO record that finds out nothing: logging takes longer for that than for the rest of a line."""

    def __init__(self, logger: str, message: str, fields: dict[str, Any]) -> None:
        now = time.time()
        own = {"name": logger, "msg": message, "created": now, "msecs": int(now % 1 * 1000), "fields": fields}
        self.__dict__ = {**_COMMON, **own}


def note(log: logging.Logger, message: str, fields: dict[str, Any]) -> None:
    """Log an INFO line, as `log.info` does, for who does so at every request."""
    if log.isEnabledFor(logging.INFO):
        log.handle(_LeanRecord(log.name, message, fields))


def _encode(line: dict[str, Any]) -> str:
    try:
        return to_json(line, ensure_ascii=True, fallback=str).decode().replace("\x7f", "\\u007f")  # ASCII, and control
    except PydanticSerializationError:  # half of a character, which no UTF-8 has and JSON can escape
        return json.dumps(line, default=str)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `message`, `request_id`, what the caller gave as
    `extra={"fields": …}`, and `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line)


class TextFormatter(logging.Formatter):
    """What a person reads while developing: the time and the message, which stays on its line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        return ascii(super().formatMessage(record))[1:-1]


def quote_nothing(record: logging.LogRecord) -> bool:
    """Cut what gunicorn quotes of a request. A filter of every line; none is dropped."""
    if record.name == "gunicorn.error" and (kept := _BEFORE_A_QUOTE.match(record.getMessage())):
        record.msg, record.args = kept[0].strip(), None
    return True


def configuration(settings: Settings) -> dict[str, Any]:
    """Return how `logging.config.dictConfig` sets up every logger of the process, gunicorn's own among them."""
    is_text = (settings.log_format or ("text" if settings.is_development else "json")) == "text"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": TextFormatter if is_text else JsonFormatter}},
        "filters": {"quote_nothing": {"()": lambda: quote_nothing}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "line",
                "filters": ["quote_nothing"],
            }
        },
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {
            "webapp": {"level": "INFO"},
            "gunicorn.error": {"level": "WARNING", "handlers": [], "propagate": True},
        },
    }


def init_app(settings: Settings) -> None:
    """Send log lines to standard error, unless something else is set up to take them: gunicorn.conf.py, a test."""
    # What no line names need not be found out for each (docs.python.org, Logging HOWTO, Optimization).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    logging.getLogger("webapp").setLevel(logging.INFO)
    if not logging.getLogger().handlers:
        logging.config.dictConfig(configuration(settings))
