"""Settings: their defaults and units, and that nobody sees the secret ones or changes any."""

import math
import os
from datetime import timedelta

import pytest

from tests.support.settings import SECRET_KEY, make_settings
from tests.unit.environment import PRODUCTION, load

# The contract's table, §2; the rows marked † there have tests of their own.
CONTRACT = {
    "app_env": "production",
    "database_url": "sqlite:///instance/evergreen.db",
    "refresh_token_enabled": True,
    "access_token_expire_minutes": 1440,
    "auto_refresh_threshold_minutes": 120,
    "refresh_token_expire_days": 30,
    "session_max_days": 30,
    "refresh_token_leeway_seconds": 30,
    "refresh_token_rotate_hours": 24,
    "refresh_token_transports": ("cookie", "body"),
    "cors_origins": (),
    "password_min_length": 8,
    "ratelimit_enabled": True,
    "ratelimit_storage_uri": "memory://",
    "trusted_proxies": 0,
    "host": "127.0.0.1",
    "port": 8000,
    "web_concurrency": os.cpu_count(),
}


@pytest.mark.parametrize("name", CONTRACT)
def test_a_setting_left_out_has_the_default_of_the_contract(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    required = {key: value for key, value in PRODUCTION.items() if key != name.upper()}
    assert getattr(load(monkeypatch, **required), name) == CONTRACT[name]


def test_an_empty_setting_counts_as_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, **PRODUCTION, PORT="", CORS_ORIGINS="", SESSION_MAX_DAYS="").port == 8000


def test_durations_are_read_with_decimals() -> None:
    settings = make_settings(
        access_token_expire_minutes=0.5,
        auto_refresh_threshold_minutes=0.25,
        refresh_token_expire_days=0.5,
        session_max_days=1.5,
        refresh_token_leeway_seconds=2.5,
        refresh_token_rotate_hours=0.1,
    )
    assert settings.access_ttl == timedelta(seconds=30)
    assert settings.auto_refresh_threshold == timedelta(seconds=15)
    assert settings.refresh_ttl == timedelta(hours=12)
    assert settings.session_max == timedelta(hours=36)
    assert settings.refresh_leeway == timedelta(milliseconds=2500)
    assert settings.rotate_after == timedelta(minutes=6)


def test_without_refresh_tokens_a_session_and_its_cookie_live_as_long_as_the_access_token() -> None:
    settings = make_settings(refresh_token_enabled=False)
    assert settings.session_max == settings.refresh_ttl == settings.access_ttl == timedelta(days=1)


def test_lists_are_split_at_commas_and_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = {"CORS_ORIGINS": " https://a.example , https://b.example:444,, ", "REFRESH_TOKEN_TRANSPORTS": "body"}
    settings = load(monkeypatch, **PRODUCTION, **lists)
    assert settings.cors_origins == ("https://a.example", "https://b.example:444")
    assert settings.refresh_token_transports == ("body",)


def test_settings_do_not_show_the_key_when_printed() -> None:
    """O05."""
    token = "0123456789abcdef"
    settings = make_settings(metrics_token=token)
    for shown in (repr(settings), str(settings.model_dump())):
        assert SECRET_KEY not in shown
        assert token not in shown


def test_settings_cannot_be_changed_after_the_start() -> None:
    with pytest.raises(ValueError, match="frozen"):
        make_settings().session_max_days = math.inf
