"""Settings for tests: nothing of this machine's environment or .env reaches them."""

from typing import Any

from webapp.config import Settings

SECRET_KEY = "tests-only-0123456789-abcdefghijklmnopqrstuvwxyz"
PUBLIC_URL = "http://localhost:8000"


def make_settings(**overrides: Any) -> Settings:
    """Return development settings with the limits off, changed by `overrides` (names in lower case)."""
    values = {
        "app_env": "development",
        "secret_key": SECRET_KEY,
        "public_url": PUBLIC_URL,
        "ratelimit_enabled": False,
        **overrides,
    }
    return Settings(_env_file=None, **values)
