"""Where a sign-in may lead to: our own paths, nothing else (C09)."""

from urllib.parse import urljoin, urlsplit

import pytest

from webapp.web.redirects import own_path

OWN = "https://own.example"
DEFAULT = "/account"

FOREIGN = [
    # another host, with and without a scheme
    "//evil.example", "///evil.example", "////evil.example", "//evil.example/%2f..", "//evil.example@own.example",
    "https://evil.example", "http://evil.example", "HTTPS://EVIL.EXAMPLE", "https:evil.example", "https:/evil.example",
    "https:///evil.example", "http:///evil.example", "//own.example@evil.example", "https://own.example.evil.example",
    "https://own.example@evil.example", "//[::1]/", "//127.0.0.1", "//2130706433", "//evil。example",
    "//\uff45vil.example",
    # backslashes, which browsers read as slashes
    "/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\\/evil.example", "\\evil.example", "/\\\\evil.example",
    "//\\evil.example", "/x\\..\\..\\evil",
    # characters that browsers drop or trim
    "/\t/evil.example", "\t//evil.example", "/\n/evil.example", "/\r/evil.example", "/\r\n/evil.example",
    " //evil.example", "\x00//evil.example", "/\x00/evil.example", "\x0b//evil.example", "/\x7f/evil.example",
    "/\x1f/evil.example", "/ /evil.example", "/\u2028/evil.example", "/\u200b/evil.example", "\ufeff//evil.example",
    "/\u00a0/evil.example", "/\u202e/elpmaxe.live", "\u3000//evil.example", "/\ud800/evil.example",
    # headers that are split
    "/\r\nSet-Cookie: a=b", "/x\r\nLocation: https://evil.example", "/\nLocation:https://evil.example",
    # other schemes
    "javascript:alert(1)", "JavaScript:alert(1)", "java\tscript:alert(1)", "data:text/html,<script>alert(1)</script>",
    "vbscript:x", "file:///etc/passwd", "mailto:a@b.example", "javascript://own.example/%0aalert(1)",
    # no path at all
    "", "evil.example", "evil.example/account", "@evil.example", ":evil.example", "?next=//evil.example", "#x", ".",
    "..", "account", "./account", "%2f%2fevil.example", "%5c%5cevil.example",
    # too long
    "/" + "a" * 2000, "/" + "a" * 8192, "/" + "語" * 223,
]  # fmt: skip

# Odd, and harmless: a browser stays on our origin.
OWN_PATHS = [
    "/", "/account", "/account/sessions", "/account?tab=1&x=2", "/account#name", "/account?next=//evil.example",
    "/%09/evil.example", "/%2f/evil.example", "/%5cevil.example", "/%0d%0aSet-Cookie:a=b", "/@evil.example",
    "/.evil.example", "/;//evil.example", "/:evil.example", "/https://evil.example", "/..//evil.example",
    "/.//evil.example", "/。/evil.example", "/grüße/🌲", "/account//x", "/javascript:alert(1)", "/" + "a" * 1999,
    "/" + "語" * 222,
]  # fmt: skip


@pytest.mark.parametrize("target", FOREIGN, ids=ascii)
def test_what_is_no_plain_path_of_ours_leads_to_the_default(target: str) -> None:
    """C09."""
    assert own_path(target, default=DEFAULT) == DEFAULT


def test_no_target_leads_to_the_default() -> None:
    """C09."""
    assert own_path(None, default=DEFAULT) == DEFAULT


@pytest.mark.parametrize("target", OWN_PATHS, ids=ascii)
def test_our_own_paths_are_kept_as_they_are(target: str) -> None:
    """C09."""
    assert own_path(target, default=DEFAULT) == target


@pytest.mark.parametrize("target", [*FOREIGN, *OWN_PATHS], ids=ascii)
def test_wherever_it_leads_the_origin_is_ours(target: str) -> None:
    """C09: by the rules of RFC 3986, and by what browsers make of a path that looks like a host."""
    kept = own_path(target, default=DEFAULT)
    where = urlsplit(urljoin(f"{OWN}/login", kept))
    assert (where.scheme, where.netloc) == ("https", "own.example")
    assert kept.startswith("/")
    assert kept[1:2] not in ("/", "\\")
    assert not any(character in kept for character in "\\\t\r\n\0 ")


def test_there_are_more_than_sixty_attacks() -> None:
    """C09."""
    assert len(set(FOREIGN)) >= 60
