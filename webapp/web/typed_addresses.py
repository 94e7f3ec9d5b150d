"""The address that a visitor has typed into a form, for the page after it to name.

It waits in the cookie of the forms, which names nobody: sealed, and taken out by the first page that shows it."""

from flask import session

from webapp import sealing
from webapp.web.context import settings


def keep(name: str, address: str) -> None:
    """Keep an address for the page that will ask for it by that name."""
    session[name] = sealing.seal(settings(), address)


def take(name: str) -> str:
    """Return the address that was kept, once, or an empty string."""
    sealed = session.pop(name, None)
    try:
        return sealing.unseal(settings(), sealed) if sealed else ""
    except sealing.SealBroken:  # the key has been replaced since
        return ""
