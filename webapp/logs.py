"""Where log lines go: standard error, one line each."""

import logging
import sys

from webapp.config import Settings


def init_app(settings: Settings) -> None:
    """Send the product's log lines to standard error, unless something else is set up to take them."""
    logger = logging.getLogger("webapp")
    logger.setLevel(logging.INFO)
    if logger.handlers or logging.getLogger().handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    is_text = (settings.log_format or ("text" if settings.is_development else "json")) == "text"
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s" if is_text else "%(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
