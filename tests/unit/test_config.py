"""Settings: their defaults, what is refused at start in which words (O01, T19), which origins are ours (C07)."""

import math
import os
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.settings import SECRET_KEY, make_settings
from tests.unit.environment import PRODUCTION, load, refusal
from webapp import config

# The contract's table, §2; the rows marked † there have tests of their own below.
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


# --- defaults and units ----------------------------------------------------------------------------------


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


# --- what is refused -------------------------------------------------------------------------------------


def test_all_wrong_settings_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "SECRET_KEY": "short",
        "PUBLIC_URL": "http://accounts.example.com",
        "DATABASE_URL": "mysql://localhost/x",
        "CORS_ORIGINS": "https://*.example.com,https://good.example",
        "PORT": "eighty",
        "REFRESH_TOKEN_LEEWAY_SECONDS": "61",
        "REFRESH_TOKEN_TRANSPORTS": "cookie,pigeon",
        "AUTO_REFRESH_THRESHOLD_MINUTES": "1440",
    }
    lines = refusal(monkeypatch, **wrong).splitlines()
    for name in wrong:
        assert any(line.startswith(name) for line in lines), f"nothing is said of {name}: {lines}"
    assert not any("good.example" in line for line in lines)


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("", "missing"),
        ("x" * 31, "too short"),
        ("é" * 15, "too short"),
        ("a" * 64, "guessable"),
        ("0123456" * 8, "guessable"),
        ("change-me-change-me-0123456789-abcdef", "guessable"),
        ("your-secret-key-0123456789-abcdefghijk", "guessable"),
        ("please REPLACE_ME with something 0123456", "guessable"),
    ],
)
def test_production_refuses_a_missing_short_or_weak_key(monkeypatch: pytest.MonkeyPatch, key: str, word: str) -> None:
    """T19, O01."""
    message = refusal(monkeypatch, **{**PRODUCTION, "SECRET_KEY": key})
    assert "SECRET_KEY" in message
    assert word in message
    assert not key or key not in message


def test_a_key_of_exactly_32_bytes_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """T19: the edge; bytes count, not characters."""
    assert load(monkeypatch, **{**PRODUCTION, "SECRET_KEY": SECRET_KEY[:32]})
    assert load(monkeypatch, **{**PRODUCTION, "SECRET_KEY": "éüöäßàâê" * 2})


def test_development_refuses_a_short_key_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """T19."""
    monkeypatch.setattr(config, "INSTANCE", tmp_path)
    assert "too short" in refusal(monkeypatch, APP_ENV="development", SECRET_KEY="only-31-bytes-0123456789-abcdef")


@pytest.mark.parametrize(
    "url",
    [
        "http://accounts.example.com", "", "accounts.example.com", "ftp://accounts.example.com", "https://",
        "https://accounts.example.com/app", "https://accounts.example.com?x=1",
    ],
)  # fmt: skip
def test_production_refuses_a_public_url_that_is_not_an_https_origin(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """O01."""
    assert "PUBLIC_URL" in refusal(monkeypatch, **{**PRODUCTION, "PUBLIC_URL": url})


@pytest.mark.parametrize(
    "url",
    ["https://user:pw@accounts.example.com", "https://accounts.example.com#x", "https://accounts.example.com:x"],
)
def test_a_public_url_with_more_than_scheme_host_and_port_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """O01: such a base can never equal the Origin that a browser sends."""
    assert "PUBLIC_URL" in refusal(monkeypatch, **{**PRODUCTION, "PUBLIC_URL": url})


@pytest.mark.parametrize(
    "wrong",
    [
        {"AUTO_REFRESH_THRESHOLD_MINUTES": "60", "ACCESS_TOKEN_EXPIRE_MINUTES": "60"},
        {"AUTO_REFRESH_THRESHOLD_MINUTES": "61", "ACCESS_TOKEN_EXPIRE_MINUTES": "60"},
    ],
)
def test_lives_that_contradict_each_other_are_refused(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]) -> None:
    """O01."""
    assert "ACCESS_TOKEN_EXPIRE_MINUTES" in refusal(monkeypatch, **PRODUCTION, **wrong)


@pytest.mark.parametrize("name", ["ACCESS_TOKEN_EXPIRE_MINUTES", "REFRESH_TOKEN_EXPIRE_DAYS", "SESSION_MAX_DAYS"])
def test_a_life_of_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert name in refusal(monkeypatch, **PRODUCTION, **{name: "0"})


def test_the_threshold_may_be_just_below_the_life(monkeypatch: pytest.MonkeyPatch) -> None:
    lives = {"AUTO_REFRESH_THRESHOLD_MINUTES": "59.99", "ACCESS_TOKEN_EXPIRE_MINUTES": "60"}
    assert load(monkeypatch, **PRODUCTION, **lives)


LIVES = ["ACCESS_TOKEN_EXPIRE_MINUTES", "REFRESH_TOKEN_EXPIRE_DAYS", "SESSION_MAX_DAYS"]


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e300", "x"])
@pytest.mark.parametrize("name", LIVES)
def test_a_duration_that_no_clock_can_count_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    assert name in refusal(monkeypatch, **PRODUCTION, **{name: value})


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e300"])
@pytest.mark.parametrize(
    "name", ["REFRESH_TOKEN_ROTATE_HOURS", "REFRESH_TOKEN_LEEWAY_SECONDS", "AUTO_REFRESH_THRESHOLD_MINUTES"]
)
def test_a_span_that_no_clock_can_count_is_refused_at_start_and_not_at_the_first_request(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert name in refusal(monkeypatch, **PRODUCTION, **{name: value})


@pytest.mark.parametrize(
    "secret",
    [
        {"SECRET_KEY": "hunter2-too-short"},
        {"SECRET_KEY": "change-me-hunter2-0123456789-abcdefghi"},
        {"DATABASE_URL": "mysql://root:hunter2@localhost/x"},
        {"RATELIMIT_ENABLED": "hunter2"},
        {"PUBLIC_URL": "ftp://root:hunter2@localhost"},
        {"MAIL_URL": "smpt://root:hunter2@localhost"},
        {"METRICS_TOKEN": "hunter2-and no more"},
    ],
)
def test_a_refusal_never_contains_the_value(monkeypatch: pytest.MonkeyPatch, secret: dict[str, str]) -> None:
    """O01, O05: the line ends up in logs."""
    message = refusal(monkeypatch, **{**PRODUCTION, **secret})
    assert next(iter(secret)) in message
    assert "hunter2" not in message


def test_settings_do_not_show_the_key_when_printed() -> None:
    """O05."""
    token = "0123456789abcdef"
    settings = make_settings(metrics_token=token)
    for shown in (repr(settings), str(settings.model_dump())):
        assert SECRET_KEY not in shown
        assert token not in shown


@pytest.mark.parametrize(
    "token", ["x", "a" * 15, "a" * 15 + "=", "a" * 8 + " " + "a" * 8, "é" * 16, "a" * 16 + "\n", "=" * 16, '"' * 16]
)
def test_a_metrics_token_that_is_short_or_cannot_be_sent_is_refused(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    message = refusal(monkeypatch, **PRODUCTION, METRICS_TOKEN=token)
    assert message.startswith("METRICS_TOKEN must be")
    assert len(token) == 1 or token not in message


@pytest.mark.parametrize("token", ["", "a" * 16, "aZ0-._~+/aZ0-._~+/==", "f" * 400])
def test_a_metrics_token_of_sixteen_characters_is_enough_and_none_is_needed(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    assert load(monkeypatch, **PRODUCTION, METRICS_TOKEN=token).metrics_token.get_secret_value() == token


def test_settings_cannot_be_changed_after_the_start() -> None:
    with pytest.raises(ValueError, match="frozen"):
        make_settings().session_max_days = math.inf


# --- origins ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "https://*.example", "https://a.example/", "https://a.example/x", "a.example", "https://",
     "ftp://a.example", "https://A.example", "https://a.example:0",
     "https://a.example:65536", "https://user@a.example", "https://a.example:", "https://a.example?x"],
)  # fmt: skip
def test_only_exact_origins_may_be_allowed(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    """C07."""
    assert "CORS_ORIGINS" in refusal(monkeypatch, **PRODUCTION, CORS_ORIGINS=origin)


def test_an_origin_is_allowed_if_it_is_ours_or_equal_to_one_on_the_list() -> None:
    """C07, C03: no prefix, no suffix, no other case, no dot that means any character."""
    settings = make_settings(public_url="https://own.example/", cors_origins="https://a.example:443,http://[::1]:3000")
    allowed = ["https://own.example", "https://a.example", "http://[::1]:3000"]
    assert all(map(settings.allows_origin, allowed))
    refused = ["", "null", "https://a.example.evil", "https://evil-a.example", "https://aXexample", "https://A.example",
               "https://a.example:443", "http://a.example", "https://a.example/", "https://sub.own.example",
               "https://a.example\n", "http://localhost:3000", "https://own.example/"]  # fmt: skip
    assert not [origin for origin in refused if settings.allows_origin(origin)]


def test_development_allows_any_port_of_this_machine_unless_told_otherwise() -> None:
    """C07."""
    settings = make_settings()
    assert all(map(settings.allows_origin, ["http://localhost", "http://localhost:5173", "http://127.0.0.1:1"]))
    refused = ["https://localhost", "http://localhost.evil", "http://localhost:5173.evil", "http://localhost:",
               "http://127a0b0c1:80", "http://localhost:123456", "http://evil.localhost"]  # fmt: skip
    assert not [origin for origin in refused if settings.allows_origin(origin)]
    assert not make_settings(cors_origins="https://a.example").allows_origin("http://localhost:5173")


def test_production_allows_no_foreign_origin_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """C07."""
    assert load(monkeypatch, **PRODUCTION).origin_patterns == ()
