"""Settings: what is refused at start, in which words (O01, T19)."""

from pathlib import Path

import pytest

from tests.support.settings import SECRET_KEY
from tests.unit.environment import PRODUCTION, load, refusal
from webapp import config

LIVES = ["ACCESS_TOKEN_EXPIRE_MINUTES", "REFRESH_TOKEN_EXPIRE_DAYS", "SESSION_MAX_DAYS"]


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
        ("", "missing: set at least 32 random bytes, such as `openssl rand -base64 48` prints (or APP_ENV=development"),
        ("x" * 31, "too short"),
        ("é" * 15, "too short"),
        ("a" * 64, "guessable"),
        ("0123456" * 8, "guessable"),
        ("change-me-change-me-0123456789-abcdef", "guessable"),
        ("your-secret-key-0123456789-abcdefghijk", "guessable"),
        ("please REPLACE_ME with something 0123456", "guessable"),
        ("x8Jq2,Lw0Rb-5Tn7Yc3Vh9Kd1Sg4Fp6Zm", "no comma"),
        (" x8Jq2Lw0Rb-5Tn7Yc3Vh9Kd1Sg4Fp6Zm8", "no blank"),
        ("x8Jq2Lw0Rb-5Tn7Yc3Vh9Kd1Sg4Fp6Zm8\n", "no blank"),
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
        "https://accounts.example.com/",
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


@pytest.mark.parametrize("name", LIVES)
def test_a_life_of_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert name in refusal(monkeypatch, **PRODUCTION, **{name: "0"})


def test_the_threshold_may_be_just_below_the_life(monkeypatch: pytest.MonkeyPatch) -> None:
    lives = {"AUTO_REFRESH_THRESHOLD_MINUTES": "59.99", "ACCESS_TOKEN_EXPIRE_MINUTES": "60"}
    assert load(monkeypatch, **PRODUCTION, **lives)


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
        {"INTROSPECTION_CLIENTS": "reports:hunter2-too-short"},
    ],
)
def test_a_refusal_never_contains_the_value(monkeypatch: pytest.MonkeyPatch, secret: dict[str, str]) -> None:
    """O01, O05: the line ends up in logs."""
    message = refusal(monkeypatch, **{**PRODUCTION, **secret})
    assert next(iter(secret)) in message
    assert "hunter2" not in message


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


def test_a_file_of_settings_that_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """O01: with a word about it, as any other that cannot be used; gunicorn and the doctor know no other refusal."""
    (tmp_path / ".env").write_bytes(b"CORS_ORIGINS=\xff\n")
    monkeypatch.setitem(config.Settings.model_config, "env_file", tmp_path / ".env")
    with pytest.raises(config.ConfigError, match="UTF-8"):
        config.load_settings()
