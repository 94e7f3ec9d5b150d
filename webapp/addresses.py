"""E-mail addresses: how they are kept, how they are looked up, and how mail is sent to them."""

import hashlib
import unicodedata

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from webapp.errors import InvalidAddress


def canonical_address(text: str) -> str:
    """Return an e-mail address as a new one is kept: trimmed, the domain in lower case and in its own letters.

    Raises InvalidAddress, for other letters than those of ASCII before the @ too: our mail does not get there."""
    return _parse(text, is_any_letter_allowed=False).normalized


def email_key(text: str) -> str:
    """Return the form by which an address is looked up, in which case does not count; anything has one.

    That holds for those, too, that would be refused today: who has an account with one signs in with it."""
    try:
        text = _parse(text, is_any_letter_allowed=True).normalized
    except InvalidAddress:
        text = unicodedata.normalize("NFC", text.strip())
    # Not casefold(), to which straße.de is strasse.de, and a long s is an s: those are others' addresses.
    return text.lower()


def mail_address(text: str) -> str:
    """Return an address that is kept as mail is sent to it, in ASCII, the domain by IDNA 2008. Raises InvalidAddress
    for one that has no such form.

    Flask-Mailman and Python by themselves go by IDNA 2003, in which straße.de is strasse.de, somebody else's."""
    if text.isascii():
        return text
    parsed = _parse(text, is_any_letter_allowed=False)
    return f"{parsed.local_part}@{parsed.ascii_domain}"


def account_key(key: str) -> str:
    """Return what stands for an address in the audit log: people type passwords into its field."""
    return hashlib.sha256(key.encode()).hexdigest()


def unknown_key(key: str) -> str | None:
    """Return what stands for an address of which there is no account, or None for what is no address at all: that may
    be a password, which whoever has the database could guess by its hash."""
    try:
        _parse(key, is_any_letter_allowed=True)
    except InvalidAddress:
        return None
    return account_key(key)


def _parse(text: str, *, is_any_letter_allowed: bool) -> ValidatedEmail:
    try:
        return validate_email(
            text.strip(), allow_smtputf8=is_any_letter_allowed, check_deliverability=False, test_environment=True
        )
    except EmailNotValidError as error:
        raise InvalidAddress(str(error)) from None
