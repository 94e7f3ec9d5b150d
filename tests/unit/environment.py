"""The environment as `load_settings` reads it, for the tests of the settings."""

import pytest

from tests.support.settings import SECRET_KEY
from webapp.config import ConfigError, Settings, load_settings

PRODUCTION = {"APP_ENV": "production", "SECRET_KEY": SECRET_KEY, "PUBLIC_URL": "https://accounts.example.com"}


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    """Return the settings of that environment, and of no `.env`."""
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """Return in which words that environment is refused."""
    with pytest.raises(ConfigError) as caught:
        load(monkeypatch, **environment)
    return str(caught.value)
