"""Addresses: which are one and which are two, and how mail is sent to them."""

import pytest

from webapp.addresses import canonical_address, email_key, mail_address
from webapp.errors import InvalidAddress


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u017fmith@example.com", "smith@example.com"),  # a long s
        ("stra\u00dfe@example.com", "strasse@example.com"),
        ("\ufb01nn@example.com", "finn@example.com"),  # a ligature
        ("a@stra\u00dfe.de", "a@strasse.de"),
        ("a@\u03b2\u03cc\u03bb\u03bf\u03c2.com", "a@\u03b2\u03cc\u03bb\u03bf\u03c3.com"),  # both kinds of sigma
    ],
)
def test_addresses_of_two_owners_are_two(one: str, other: str) -> None:
    """I06: by Unicode's folding or IDNA 2003 each of these is one."""
    assert email_key(one) != email_key(other)


@pytest.mark.parametrize(
    "text",
    [
        "Zoe@B\u00fccher.de",
        " ZOE@BU\u0308CHER.DE ",
        "zoe@xn--bcher-kva.de",
        "zoe@XN--BCHER-KVA.de",
        "zoe@b\u00fccher\u3002de",
    ],
)
def test_however_an_address_is_written_it_is_kept_and_found_as_one(text: str) -> None:
    """I06: browsers send what was typed as xn--."""
    assert canonical_address(text).lower() == email_key(text) == "zoe@b\u00fccher.de"


@pytest.mark.parametrize("address", ["jos\u00e9@example.com", "\u017fmith@example.com", "\u212aate@example.com"])
def test_a_new_address_has_ascii_before_the_at_sign(address: str) -> None:
    for take in (canonical_address, mail_address):
        with pytest.raises(InvalidAddress, match="before the @-sign are not supported"):
            take(address)


@pytest.mark.parametrize(
    ("kept", "sent"),
    [
        ("Zoe+a@example.com", "Zoe+a@example.com"),
        ("Zoe@b\u00fccher.de", "Zoe@xn--bcher-kva.de"),
        ("a@stra\u00dfe.de", "a@xn--strae-oqa.de"),
        ("a@\u03b2\u03cc\u03bb\u03bf\u03c2.com", "a@xn--nxasmm1c.com"),
    ],
)
def test_mail_goes_to_the_domain_by_idna_2008(kept: str, sent: str) -> None:
    """RFC 5891: straße.de is xn--strae-oqa.de, and not strasse.de."""
    assert (canonical_address(kept), mail_address(kept)) == (kept, sent)
