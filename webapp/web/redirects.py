"""Where a sign-in, and the password that is asked for again, may lead to: our own paths, nothing else."""

import re
from typing import Final
from urllib.parse import urlencode

from flask import current_app, g, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter
from werkzeug.urls import iri_to_uri

# Each download, and the page that holds its link. A browser that is led to a download stays on the page it is led from:
# the one that asks for the password would not go away.
PAGE_OF_DOWNLOAD: Final = {
    "admin_users.index_csv": "admin_users.index",
    "admin.sessions_csv": "admin.sessions",
    "admin.events_csv": "admin.events",
    "security.data": "security.overview",
}
# Each form that is sent to an address where there is no page, and the page that holds it. "Sign out" is on all of them.
PAGE_OF_FORM: Final = {
    "account.end_device": "account.devices",
    "account.end_other_devices": "account.devices",
    "admin.end_sessions": "admin.sessions",
    "registration.resend": "account.profile",
    "second_factor.begin": "security.overview",
    "second_factor.remove_passkey": "security.overview",
    "second_factor.rename_passkey": "security.overview",
    "second_factor.renew_codes": "security.overview",
    "security.change_email": "security.overview",
    "security.change_password": "security.overview",
}
MAX_LENGTH: Final = 2000
# One slash, then neither a second one nor a backslash, which browsers read as one; no control characters, which
# they drop, so that "/<tab>/evil" would become "//evil".
_OWN_PATH: Final = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def own_path(target: str | None, *, default: str) -> str:
    """Return `target` if it is a path of this site, else `default` (RFC 9700 §4.11)."""
    if not target or not _OWN_PATH.fullmatch(target) or not target.isprintable():
        return default
    # As it is sent: a character may be twelve there, and the cookie of who has to enter a code holds all of it.
    return target if len(iri_to_uri(target)) <= MAX_LENGTH else default


def asked_page() -> str:
    """Return path and query of the GET request at hand, to come back to; for a download its page's, filters too."""
    asked, page = request.full_path.rstrip("?"), PAGE_OF_DOWNLOAD.get(request.endpoint or "")
    return f"{url_for(page)}{asked.removeprefix(request.path)}" if page else asked


def is_page(path: str) -> bool:
    """Whether something of ours can be opened at that path."""
    return _addresses().test(path, "GET")


def page_of_form(path: str) -> str:
    """Return the path of the page that holds the form which is sent to `path`: the same, or another one, or the profile
    if there is none."""
    return path if is_page(path) else url_for(PAGE_OF_FORM.get(_form_at(path), "account.profile"))


def page_instead() -> str | None:
    """Return the path of the page that holds the form which is sent to the address at hand, where that was opened as if
    it were a page; None if it is no form's. Nothing is done by it: "Sign out" is on the next page, too."""
    form = _form_at(request.path) if request.method in ("GET", "HEAD") else ""
    if form == "auth.logout":
        return url_for("account.profile" if g.auth else "auth.login")
    return url_for(PAGE_OF_FORM[form]) if form in PAGE_OF_FORM else None


def page_of_sent_form() -> str:
    """Return path and query of the page that holds the form at hand, to open it anew and be led on as by the form."""
    page, target = page_of_form(request.path), own_path(request.form.get("next"), default="")
    # A page that holds the form of another address is itself where that leads.
    return f"{page}?{urlencode({'next': target}, safe='/')}" if target and page == request.path else page


def lead_back_to_security() -> None:
    """Let whatever is refused at the request at hand lead to the page that says how things are."""
    g.next_step = (url_for("security.overview"), "Back to Security")


def _form_at(path: str) -> str:
    """Return which form is sent to that path, by its endpoint; an empty string if none is."""
    try:
        endpoint, _ = _addresses().match(path, method="POST")
    except HTTPException:
        return ""
    return str(endpoint)


def _addresses() -> MapAdapter:
    return current_app.url_map.bind(request.host)
