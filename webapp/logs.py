"""Where log lines go: standard error, one line each; as JSON, tracebacks too."""

import json
import logging
import sys
from datetime import UTC, datetime

from webapp.config import Settings


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `at`, `level`, `message`, what the caller gave as `extra={"fields": …}`, `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def init_app(settings: Settings) -> None:
    """Send the product's log lines to standard error, unless something else is set up to take them."""
    logger = logging.getLogger("webapp")
    logger.setLevel(logging.INFO)
    if logger.handlers or logging.getLogger().handlers:
        return
    is_text = (settings.log_format or ("text" if settings.is_development else "json")) == "text"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s") if is_text else JsonFormatter())
    logger.addHandler(handler)
    logger.propagate = False
