"""Settings that let the product start and should not be: the kind of service, the key, the workers."""

import os
from collections.abc import Iterator, Mapping
from typing import Final

from zxcvbn import zxcvbn

from webapp.config import INSTANCE, Settings
from webapp.doctor.findings import Finding, fine, wrong
from webapp.passwords import SCORED_LENGTH

# Keys of 32 random bytes and more, in whatever spelling, take 10^27 guesses and more by zxcvbn's count.
GUESSES_LOG10: Final = 22
# Examples that many have copied out of documentation (Flask's, jwt.io's), and no counting shows it.
PUBLISHED_KEYS: Final = (
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "a-string-secret-at-least-256-bits-long",
)
NEW_KEY: Final = (
    "run flask --app wsgi keys new, set SECRET_KEY to what it prints, then run once "
    "SECRET_KEY_PREVIOUS=the-old-key flask --app wsgi keys reseal, so that second factors stay; everybody signs in anew"
)
_FALSE: Final = ("", "0", "false", "no")  # as Flask reads FLASK_DEBUG


def examine(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    yield fine("settings", f"APP_ENV={settings.app_env}, served as {settings.base_url}")
    if settings.is_development:
        yield wrong("development", "development: set APP_ENV=production before others use this server")
    else:
        yield from _examine_production(settings, environment)
    cores = os.cpu_count() or 1
    if settings.web_concurrency > 2 * cores + 1:
        message = f"WEB_CONCURRENCY={settings.web_concurrency} for {cores} cores costs memory and gains nothing"
        yield wrong("workers-many", f"{message}: set at most {2 * cores + 1}")


def _examine_production(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    if environment.get("FLASK_DEBUG", "").lower() not in _FALSE:
        yield wrong("debug-on", "FLASK_DEBUG is on, and errors may show the code: remove it, and do not use --debug")
    key = settings.secret_key.get_secret_value()
    if key == _kept_key():
        yield wrong("key-of-development", f"SECRET_KEY is the one that development keeps in {INSTANCE}: {NEW_KEY}")
    if key in PUBLISHED_KEYS or zxcvbn(key[:SCORED_LENGTH])["guesses_log10"] < GUESSES_LOG10:
        yield wrong("key-guessable", f"SECRET_KEY can be guessed, and with it every token forged: {NEW_KEY}")


def _kept_key() -> str:
    """Return development's own key, or "" if there is none or it is not ours to read."""
    try:
        return (INSTANCE / "secret_key").read_text(errors="replace").strip()
    except OSError:
        return ""
