"""How the service is reached: PUBLIC_URL, the proxy in front, front ends of other origins, cookies."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from webapp.config import Settings
from webapp.doctor.findings import Finding, fine, wrong
from webapp.doctor.names import read_env_file
from webapp.doctor.places import is_in_container, is_loopback
from webapp.origins import canonical_origin

_SITE_LABELS: Final = 2  # a site is a name registered below a public suffix: two labels at the least


def examine(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    if not settings.is_development:
        yield from _examine_public_url(settings)
        has_tls = "--certfile" in _gunicorn_arguments(environment)
        yield from [] if has_tls else _examine_proxy(settings)
    attributes = "__Host-, Secure" if settings.is_https else "not Secure, since PUBLIC_URL is http"
    yield fine("cookies", f"HttpOnly, SameSite=Lax, {attributes}")
    origins = ", ".join(settings.cors_origins) or ("localhost, any port" if settings.is_development else "none")
    yield fine("cors", f"front ends of other origins that may call the API: {origins}")
    for number, origin in enumerate(settings.cors_origins, 1):
        yield from _examine_origin(
            settings, f"CORS_ORIGINS: number {number}, {origin},", canonical_origin(origin) or ""
        )


def _gunicorn_arguments(environment: Mapping[str, str]) -> str:
    """Return GUNICORN_CMD_ARGS as gunicorn has it, which unlike flask takes nothing out of `.env`."""
    given = environment.get("GUNICORN_CMD_ARGS", "")
    return "" if given == read_env_file().get("GUNICORN_CMD_ARGS") else given


def _examine_public_url(settings: Settings) -> Iterator[Finding]:
    if is_loopback(urlsplit(settings.base_url).hostname or ""):
        message = f"PUBLIC_URL is {settings.base_url}, and links in mails lead every reader to their own machine"
        yield wrong("public-url-local", f"{message}: set the address that people use")


def _examine_proxy(settings: Settings) -> Iterator[Finding]:
    at = f"HOST={settings.host}, TRUSTED_PROXIES={settings.trusted_proxies}"
    is_direct = not is_loopback(settings.host)
    if settings.trusted_proxies and is_direct and not is_in_container():
        message = f"{at}: who reaches port {settings.port} around the proxy may forge addresses"
        yield wrong("proxy-avoidable", f"{message}: set HOST=127.0.0.1, or let the firewall admit only the proxy")
    elif settings.trusted_proxies:
        yield fine("network", f"{at}: behind a proxy that ends TLS; it alone may reach port {settings.port}")
    elif is_direct:
        message = f"{at}: PUBLIC_URL is https, and without --certfile gunicorn speaks plain http to everybody"
        yield wrong("tls-missing", f"{message}: put a proxy with TLS in front, HOST=127.0.0.1 and TRUSTED_PROXIES=1")
    else:
        message = f"{at}: all clients seem to have the proxy's address, and limits meet everybody at once"
        yield wrong("proxy-unknown", f"{message}: set TRUSTED_PROXIES=1, or to the number of proxies in a row")


def _examine_origin(settings: Settings, named: str, origin: str) -> Iterator[Finding]:
    if origin == settings.base_url:
        yield wrong("cors-own", f"{named} is PUBLIC_URL itself, which is always allowed: remove it")
        return
    if settings.is_https and origin.startswith("http://"):
        yield wrong("cors-plain", f"{named} is http: who listens on the way can read its tokens; use https there")
    if _is_same_site(origin, settings.base_url) or not settings.refresh_token_enabled:
        return
    if "body" in settings.refresh_token_transports:
        yield fine("cors", f"{origin} is of another site, where browsers send no cookie of ours: use transport body")
    else:
        message = f"{named} is of another site, and browsers send no SameSite=Lax cookie with its calls"
        yield wrong("cors-cookie-lost", f"{message}: set REFRESH_TOKEN_TRANSPORTS=cookie,body and use body there")


def _is_same_site(one: str, other: str) -> bool:
    """Whether browsers may take two origins for one site; never false where they do, since public suffixes are left
    out of account."""
    first, second = urlsplit(one), urlsplit(other)
    return first.scheme == second.scheme and _site(first.hostname or "") == _site(second.hostname or "")


def _site(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        return ".".join(host.split(".")[-_SITE_LABELS:])
