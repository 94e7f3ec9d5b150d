"""Settings: which origins are ours (C07)."""

import pytest

from tests.support.settings import make_settings
from tests.unit.environment import PRODUCTION, load, refusal


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "https://*.example", "https://a.example/", "https://a.example/x", "a.example", "https://",
     "https://A.example", "capacitor://", "capacitor:localhost", "1app://localhost", "capacitor://localhost/",
     "capacitor://*", "capacitor://localhost:0", "Capacitor://localhost", "file:///x", "://a.example", "https://a.example:0",
     "https://a.example:65536", "https://user@a.example", "https://a.example:", "https://a.example?x"],
)  # fmt: skip
def test_only_exact_origins_may_be_allowed(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    """C07."""
    assert "CORS_ORIGINS" in refusal(monkeypatch, **PRODUCTION, CORS_ORIGINS=origin)


@pytest.mark.parametrize(
    "origin", ["capacitor://localhost", "ionic://localhost", "chrome-extension://abc", "x.y://h:8"]
)
def test_the_origin_of_an_app_may_be_allowed_whatever_its_scheme(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    """C07: the WebViews of apps have such."""
    settings = load(monkeypatch, **PRODUCTION, CORS_ORIGINS=origin)
    assert settings.allows_origin(origin)
    scheme, _, rest = origin.partition("://")
    refused = [
        f"{origin}.evil",
        f"{origin}/",
        f"https://{rest}",
        f"x{origin}",
        f"{scheme}://evil.{rest}",
        f"{origin}:443",
    ]
    assert not [other for other in refused if settings.allows_origin(other)]


def test_our_own_address_is_one_of_the_web(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "PUBLIC_URL" in refusal(monkeypatch, APP_ENV="development", PUBLIC_URL="capacitor://localhost")


def test_an_origin_is_allowed_if_it_is_ours_or_equal_to_one_on_the_list() -> None:
    """C07, C03: no prefix, no suffix, no other case, no dot that means any character."""
    settings = make_settings(public_url="https://own.example", cors_origins="https://a.example:443,http://[::1]:3000")
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


@pytest.mark.parametrize(
    "host", ["[::1]:8000", "[2001:db8::1]", "accounts..example.com", f"{'a' * 64}.example.com", ".example.com"]
)
def test_a_public_url_whose_requests_would_all_be_refused_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """O01: Werkzeug takes no host in brackets for a trusted one, and fails over what is no name."""
    assert "PUBLIC_URL" in refusal(monkeypatch, **{**PRODUCTION, "PUBLIC_URL": f"https://{host}"})


@pytest.mark.parametrize("host", ["192.0.2.1", "accounts.example.com:8443", f"{'a' * 63}.example.com", "localhost"])
def test_a_public_url_of_a_name_or_an_ipv4_address_is_taken(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert load(monkeypatch, **{**PRODUCTION, "PUBLIC_URL": f"https://{host}"}).base_url == f"https://{host}"
