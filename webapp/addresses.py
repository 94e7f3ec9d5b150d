"""E-mail addresses: how they are kept, and how they are looked up."""

import hashlib
import unicodedata

from email_validator import EmailNotValidError, validate_email

from webapp.errors import InvalidAddress


def canonical_address(text: str) -> str:
    """Return an e-mail address as it is kept: trimmed, NFC, domain in lower case. Raises InvalidAddress."""
    try:
        return validate_email(text.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise InvalidAddress(str(error)) from None


def email_key(text: str) -> str:
    """Return the form by which an address is looked up, in which case does not count; anything has one."""
    try:
        text = canonical_address(text)
    except InvalidAddress:
        text = unicodedata.normalize("NFC", text.strip())
    return text.casefold()


def account_key(key: str) -> str:
    """Return what stands for an address in the audit log: people type passwords into its field."""
    return hashlib.sha256(key.encode()).hexdigest()
