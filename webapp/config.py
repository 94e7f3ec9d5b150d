"""Settings: the only reader of the environment. Every wrong value is reported at once, before anything starts.

As long as there are settings: each has a field here, with the README's words for it, and most a spelling with units."""

import os
import re
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from webapp import settings_checks
from webapp.keys import Key, KeyRing, kept_secret_key, key_pairs, shared_key
from webapp.mail_route import MailRoute, parse_mail_url
from webapp.origins import LOCALHOST, canonical_origin, canonical_web_origin

ROOT = Path(__file__).resolve().parent.parent
INSTANCE = ROOT / "instance"

Transport = Literal["cookie", "body"]


def _split_commas(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
Transports = Annotated[tuple[Transport, ...], NoDecode, BeforeValidator(_split_commas), Field(min_length=1)]


class ConfigError(Exception):
    """The settings cannot be used; the message lists each wrong one, never its value (it may be a secret)."""


class Settings(BaseSettings):
    """The product's settings, read from the environment and `.env` (names in capitals there)."""

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    app_env: Literal["production", "development"] = Field(
        "production", description="`development` allows plain http and makes a key of its own"
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="at least 32 bytes, signs forms and tokens; development makes one once "
        "and keeps it in `instance/secret_key`",
    )
    secret_key_previous: SecretStr = Field(
        SecretStr(""),
        description="comma-separated older keys: what they signed and sealed stays good; see docs/operations.md",
    )
    jwt_signing_key: SecretStr = Field(
        SecretStr(""),
        description="PEM of an Ed25519 or P-256 private key: signs access tokens, and `/.well-known/jwks.json` tells "
        "others how to verify them; further keys after it verify only",
    )
    introspection_clients: SecretStr = Field(
        SecretStr(""),
        description="services that may ask `POST /api/introspect` about access tokens, comma-separated `name:secret`, "
        "secrets of at least 32 characters; a name may have several",
    )
    public_url: str = Field(
        "",
        description="base of every link; other hosts are refused (but `localhost`, `127.0.0.1`). Development: "
        "`http://localhost:8000`",
    )
    database_url: str = Field("sqlite:///instance/evergreen.db", description="or `postgresql+psycopg://…`")

    refresh_token_enabled: bool = Field(
        True,
        description="`false`: no refresh tokens, no `/api/refresh`, no `X-New-Token`; "
        "a session lives as long as its access token",
    )
    access_token_expire_minutes: float = Field(
        1440, gt=0, le=525_600, description="life of an access token; decimals allowed, here and below"
    )
    auto_refresh_threshold_minutes: float = Field(
        120, ge=0, le=525_600, description="silent refresh below this much remaining life; 0 switches it off"
    )
    refresh_token_expire_days: float = Field(
        30, gt=0, le=3650, description="idle lifetime: each refresh token's own life"
    )
    session_max_days: float = Field(30, gt=0, le=3650, description="absolute lifetime of a session; nothing extends it")
    refresh_token_leeway_seconds: float = Field(
        30, ge=0, le=60, description="grace for late requests of the same client, 0 to 60"
    )
    refresh_token_rotate_hours: float = Field(
        24, ge=0, le=87_600, description="a refresh token presented as Bearer stays the same until it is this old"
    )
    refresh_token_transports: Transports = Field(
        ("cookie", "body"), description="which ones a sign-in by the API may choose"
    )

    cors_origins: CommaSeparated = Field(
        (),
        description="exact origins, comma-separated, an app's `capacitor://localhost` too. Development: any port of "
        "`http://localhost` and `http://127.0.0.1`",
    )
    password_min_length: int = Field(8, ge=8, le=128, description="shortest password accepted")
    mail_url: SecretStr = Field(
        SecretStr(""),
        description="`smtp://user:password@host:587?tls=starttls` (or `tls=on`; `from=` names the sender), or "
        "`file:///folder` (one `.eml` a mail). Development: `instance/mail/`; without it mail waits in the database",
    )
    ratelimit_enabled: bool = Field(
        True, description="`false` also switches off the per-account throttle, which lives in the database"
    )
    ratelimit_storage_uri: str = Field(
        "memory://",
        description="limits per address: in memory they count per worker; `redis://…` for one count over all",
    )
    trusted_proxies: int = Field(0, ge=0, le=10, description="how many proxies in front may set `X-Forwarded-*`")
    log_format: Literal["text", "json", ""] = Field(
        "", description="`text` or `json`; `text` in development, else `json`"
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="opens `/metrics` to whoever sends it as Bearer, at least 16 characters; "
        "without it only this machine may read them",
    )
    host: str = Field("127.0.0.1", description="address gunicorn listens on")
    port: int = Field(8000, ge=1, le=65535, description="port gunicorn listens on")
    web_concurrency: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, le=256, description="gunicorn workers; default: cores"
    )

    @model_validator(mode="before")
    @classmethod
    def _development_defaults(cls, values: dict[str, object]) -> dict[str, object]:
        if str(values.get("app_env", "")).lower() != "development":
            return values
        port = values.get("port") or 8000
        return {
            "secret_key": values.get("secret_key") or kept_secret_key(INSTANCE),
            "public_url": f"http://localhost:{port}",
            "mail_url": f"file://{INSTANCE / 'mail'}",
            **values,
        }

    @model_validator(mode="after")
    def _check(self) -> Self:
        if problems := settings_checks.problems(self):
            raise ValueError("\n".join(problems))
        return self

    # --- the same settings with units, for the code ---

    @cached_property
    def base_url(self) -> str:
        """PUBLIC_URL as browsers spell an origin: lower case, no default port; "" if it is none.

        With a slash at its end it is none: to Caddy, which is given it as well, that is the start page alone."""
        return canonical_web_origin(self.public_url.lower()) or ""

    @property
    def is_https(self) -> bool:
        return self.base_url.startswith("https://")

    @property
    def is_development(self) -> bool:
        return self.app_env == "development"

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """SECRET_KEY, which signs and seals, and then the ones before it, which only verify and open."""
        previous = self.secret_key_previous.get_secret_value().split(",")
        return (self.secret_key.get_secret_value(), *(key.strip() for key in previous if key.strip()))

    @cached_property
    def key_pairs(self) -> tuple[Key, ...]:
        """The keys of JWT_SIGNING_KEY. Raises ValueError if it holds anything else."""
        pem = self.jwt_signing_key.get_secret_value()
        return key_pairs(pem) if pem else ()

    @cached_property
    def introspection_secrets(self) -> dict[str, tuple[str, ...]]:
        """The secrets of each service that may ask about tokens, by its name: two while one takes the other's place."""
        secrets: dict[str, tuple[str, ...]] = {}
        for pair in self.introspection_clients.get_secret_value().split(","):
            name, _, secret = pair.strip().partition(":")
            if name:
                secrets[name] = (*secrets.get(name, ()), secret)
        return secrets

    @cached_property
    def refresh_keys(self) -> KeyRing:
        """The keys of refresh tokens, which nobody else need verify."""
        return KeyRing(tuple(shared_key(secret) for secret in self.secrets))

    @cached_property
    def access_keys(self) -> KeyRing:
        """The keys of access tokens: a pair signs where there is one, and what SECRET_KEY has signed stays good."""
        return KeyRing((*self.key_pairs, *self.refresh_keys.keys))

    @cached_property
    def mail_route(self) -> MailRoute | None:
        """Where mail goes, or None if MAIL_URL does not say."""
        return parse_mail_url(self.mail_url.get_secret_value())

    @cached_property
    def access_ttl(self) -> timedelta:
        return timedelta(minutes=self.access_token_expire_minutes)

    @cached_property
    def auto_refresh_threshold(self) -> timedelta:
        return timedelta(minutes=self.auto_refresh_threshold_minutes)

    @cached_property
    def session_max(self) -> timedelta:
        """Absolute life of a session; with refresh switched off it lives as long as its access token."""
        longest = timedelta(days=self.session_max_days)
        return longest if self.refresh_token_enabled else min(longest, self.access_ttl)

    @cached_property
    def refresh_ttl(self) -> timedelta:
        """Life of a refresh token; with refresh switched off, of the cookie by which pages know the user."""
        return timedelta(days=self.refresh_token_expire_days) if self.refresh_token_enabled else self.access_ttl

    @cached_property
    def refresh_leeway(self) -> timedelta:
        return timedelta(seconds=self.refresh_token_leeway_seconds)

    @cached_property
    def rotate_after(self) -> timedelta:
        return timedelta(hours=self.refresh_token_rotate_hours)

    @cached_property
    def origin_patterns(self) -> tuple[re.Pattern[str], ...]:
        """The CORS allow-list as exact, case-sensitive patterns; empty allows no foreign origin."""
        if not self.cors_origins and self.is_development:
            return (LOCALHOST,)
        origins = (canonical_origin(origin) or "" for origin in self.cors_origins)
        return tuple(re.compile(re.escape(origin) + r"\Z") for origin in origins)

    def allows_origin(self, origin: str) -> bool:
        """Whether `origin` (as a browser sends it) is ours or on the allow-list."""
        return origin == self.base_url or any(pattern.match(origin) for pattern in self.origin_patterns)


def load_settings() -> Settings:
    """Read the environment and `.env`. Raises ConfigError with one line for each setting that is wrong."""
    problems: list[str] = []
    repaired: dict[str, Any] = {}
    # A wrong field hides the checks between fields: they run in a second pass, with its default in its place.
    for _ in range(2):
        try:
            settings = Settings(**repaired)
        except UnicodeError:
            raise ConfigError(".env is no text in UTF-8") from None
        except ValidationError as error:
            for item in error.errors(include_input=False, include_url=False):
                text = item["msg"].removeprefix("Value error, ")
                name = str(item["loc"][0]) if item["loc"] else ""
                problems += [f"{name.upper()}: {text}"] if name else text.splitlines()
                if name:
                    repaired[name] = Settings.model_fields[name].get_default(call_default_factory=True)
        else:
            if not problems:
                return settings
        if not repaired:
            break
    raise ConfigError("\n".join(problems))
