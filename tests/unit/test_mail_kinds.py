"""Every kind of mail: it can be made, says the same in both of its parts, and leads where it must and nowhere else."""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email.headerregistry import Address
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from tests.support import people
from tests.support.databases import fresh_database
from tests.support.mailbox import Mailbox, text
from tests.support.settings import PUBLIC_URL
from tests.support.steps import START
from webapp import mail, one_time_tokens, outbox
from webapp.config import ROOT
from webapp.database import db
from webapp.errors import InvalidLink
from webapp.mail import Message
from webapp.models import AuthSession, OutboxMail, User
from webapp.one_time_tokens import Purpose
from webapp.outbox import MailKind
from webapp.web.context import settings

MARKUP = '<b>"Bobby"</b> & <img src=x onerror=alert(1)>'
NEW = "new@example.com"
SID = "session-of-22-letters-"
# What each kind is enqueued with, by the module that does.
DETAILS: dict[MailKind, dict[str, Any]] = {
    MailKind.CONFIRM_NEW_ADDRESS: {"address": NEW},
    MailKind.ADDRESS_CHANGE_ASKED: {"new_address": NEW},
    MailKind.ADDRESS_CHANGED: {"address": people.EMAIL, "new_address": NEW},
    MailKind.NEW_DEVICE: {"session_id": SID},
    MailKind.TOKEN_REUSED: {"session_id": SID},
    MailKind.RECOVERY_CODE_USED: {"left": 2},
    MailKind.SECOND_FACTOR_ADDED: {"session_id": SID},
    MailKind.PASSKEY_ADDED: {"session_id": SID, "passkey": MARKUP},
    MailKind.PASSKEY_REMOVED: {"passkey": MARKUP},
    MailKind.ACCOUNT_DELETED: {"address": people.EMAIL},
}
TOKENS = {
    MailKind.CONFIRM_ADDRESS: ("/verify/", Purpose.VERIFY_EMAIL),
    MailKind.RESET_PASSWORD: ("/reset/", Purpose.RESET_PASSWORD),
    MailKind.NEW_DEVICES_LOCKED: ("/reset/", Purpose.RESET_PASSWORD),
    MailKind.CONFIRM_NEW_ADDRESS: ("/verify/", Purpose.CHANGE_EMAIL),
    MailKind.ADDRESS_CHANGED: ("/undo/", Purpose.UNDO_EMAIL_CHANGE),
    MailKind.NEW_DEVICE: ("/not-me/", Purpose.DISOWN_SIGN_IN),
    MailKind.SECOND_FACTOR_ADDED: ("/not-me/", Purpose.DISOWN_SIGN_IN),
    MailKind.PASSKEY_ADDED: ("/not-me/", Purpose.DISOWN_SIGN_IN),
}
REMEDIES = (Purpose.UNDO_EMAIL_CHANGE, Purpose.DISOWN_SIGN_IN)
REPLACING = [kind for kind, (_, purpose) in TOKENS.items() if purpose not in REMEDIES]
# Those that go to an address which the account has proved; to any other nothing is said that somebody has chosen.
SAYING = set(MailKind) - {MailKind.CONFIRM_NEW_ADDRESS}
every_kind = pytest.mark.parametrize("kind", list(MailKind))


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(START, tick=False):
        yield


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: words do not depend on the database."""
    return fresh_database("sqlite", tmp_path)


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Iterator[Flask]:
    """The product with a user whose name is markup, and a sign-in of theirs; a test runs in its context."""
    app = make_app(mail_url=f"file://{tmp_path}/mail")
    user_id = people.create_user(app, first_name=MARKUP)
    with app.app_context():
        db.session.add(_session_of(user_id))
        db.session.commit()
        yield app


def _session_of(user_id: int) -> AuthSession:
    moments = ("confirmed_at", "created_at", "authenticated_at", "last_seen_at", "refresh_expires_at", "expires_at")
    return AuthSession(
        id=SID, user_id=user_id, transport="cookie", remember=True, ip="192.0.2.7",
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        **dict.fromkeys(moments, START),
    )  # fmt: skip


def compose(kind: MailKind, *, user_id: int | None = 1, **changed: Any) -> Message:
    detail = DETAILS.get(kind, {}) | changed
    row = OutboxMail(kind=kind, user_id=user_id, detail=detail, created_at=START, next_attempt_at=START)
    db.session.add(row)
    db.session.commit()
    message = mail.compose(db.session, settings(), row, now=START)
    assert message is not None
    return message


@dataclass
class Page(HTMLParser):
    """What a mail program shows of an HTML part: words, links, and tags."""

    words: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    styled: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.styled = tag == "style"
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        if not self.styled:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(message: Message) -> Page:
    page = Page()
    page.feed(message.html)
    return page


def links_of(text: str) -> list[str]:
    return re.findall(r"https?://[^\s>]+", text)


# --- what every mail has ---------------------------------------------------------------------------------


@every_kind
@pytest.mark.usefixtures("app")
def test_every_mail_has_a_subject_a_text_and_an_html_part_that_say_the_same(kind: MailKind) -> None:
    message = compose(kind)
    page = read(message)
    assert message.subject
    assert message.subject in page.text
    for paragraph in message.text.partition("-- ")[0].split("\n\n"):
        words = " ".join(paragraph.split())
        assert words in page.text or "http" in words
    assert not re.search(r"\{[{%]|[%}]\}|None|undefined", message.subject + message.text + page.text)
    assert max(map(len, message.text.splitlines())) < 200


@every_kind
@pytest.mark.usefixtures("app")
def test_every_link_of_the_text_stands_in_the_html_and_no_other(kind: MailKind) -> None:
    message = compose(kind)
    page, links = read(message), links_of(message.text)
    assert {*page.links, PUBLIC_URL} == set(links), "the product's own address is not a link in HTML"
    assert all(link in page.text for link in links), "each can be read, too"
    assert (message.link in links) == (kind is not MailKind.ACCOUNT_DELETED)
    assert all(link.startswith(PUBLIC_URL) for link in links)


@every_kind
@pytest.mark.usefixtures("app")
def test_what_people_have_written_is_text_in_every_part(kind: MailKind) -> None:
    """A first name and a passkey's name are anybody's to choose."""
    message = compose(kind)
    assert (MARKUP in " ".join(message.text.split())) == (kind in SAYING)
    assert (MARKUP in read(message).text) == (kind in SAYING)
    assert not read(message).tags & {"b", "img", "script"}
    assert (html.escape(MARKUP, quote=False).partition('"')[0] in message.html) == (kind in SAYING)
    assert MARKUP not in message.subject


@every_kind
@pytest.mark.usefixtures("app")
def test_a_mail_shows_nothing_from_elsewhere(kind: MailKind) -> None:
    """No pictures, no style sheets: nobody is told that it was read."""
    message = compose(kind)
    assert not read(message).tags & {"img", "link", "script", "iframe", "form", "object"}
    assert "url(" not in message.html


@every_kind
def test_every_mail_goes_out_as_it_was_made(app: Flask, tmp_path: Path, kind: MailKind) -> None:
    outbox.enqueue(db.session, kind, user_id=1, now=START, **DETAILS.get(kind, {}))
    db.session.commit()
    (sent,) = Mailbox(app, tmp_path / "mail").deliver()
    assert [part.get_content_type() for part in sent.iter_parts()] == ["text/plain", "text/html"]
    assert sent["To"] == DETAILS.get(kind, {}).get("address", people.EMAIL)
    assert sent["From"].addresses == (Address("Evergreen", "no-reply", "localhost"),)
    assert sent["Subject"]
    assert (MARKUP in " ".join(text(sent).split())) == (kind in SAYING)
    assert "<h1>" in text(sent, "html")


def test_every_template_belongs_to_a_kind() -> None:
    files = {path.stem for path in (ROOT / "templates" / "mail").glob("[!_]*.txt")}
    assert files == set(MailKind)


# --- where it leads --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(TOKENS))
@pytest.mark.usefixtures("app")
def test_a_link_with_a_token_opens_what_it_is_for_and_nothing_else(kind: MailKind) -> None:
    path, purpose = TOKENS[kind]
    message = compose(kind)
    prefix, token = message.link[: len(PUBLIC_URL + path)], message.link[len(PUBLIC_URL + path) :]
    assert prefix == PUBLIC_URL + path
    found = one_time_tokens.look(db.session, token, purpose, now=START)
    sid = SID if purpose is Purpose.DISOWN_SIGN_IN else None
    since = START if purpose in REMEDIES else None
    assert (found.user_id, found.email, found.session_id, found.since) == (1, message.recipient, sid, since)
    for other in set(Purpose) - {purpose}:
        with pytest.raises(InvalidLink):
            one_time_tokens.look(db.session, token, other, now=START)


@pytest.mark.parametrize("kind", list(TOKENS))
@pytest.mark.usefixtures("app")
def test_the_same_mail_once_more_takes_the_place_of_the_first_or_stands_beside_it(kind: MailKind) -> None:
    """Trying again must not leave two links that reset; each new device has a link of its own."""
    _, purpose = TOKENS[kind]
    first, second = (compose(kind).link.rpartition("/")[2] for _ in range(2))
    assert first != second
    one_time_tokens.look(db.session, second, purpose, now=START)
    if kind not in REPLACING:
        one_time_tokens.look(db.session, first, purpose, now=START)
        return
    with pytest.raises(InvalidLink):
        one_time_tokens.look(db.session, first, purpose, now=START)


@pytest.mark.parametrize("kind", sorted(set(MailKind) - set(TOKENS)))
@pytest.mark.usefixtures("app")
def test_all_other_links_open_nothing_by_themselves(app: Flask, kind: MailKind) -> None:
    path = compose(kind).link.removeprefix(PUBLIC_URL)
    assert app.test_client().get(path).status_code in (200, 302, 303), "there is such a page"
    assert re.fullmatch(r"/[a-z/]+", path)


@pytest.mark.parametrize("kind", list(MailKind))
def test_nothing_that_somebody_has_chosen_goes_to_an_address_that_is_not_proved(app: Flask, kind: MailKind) -> None:
    """I07: or the product mails anybody's words to anybody."""
    db.session.execute(update(User).values(email_verified=False))
    assert "Bobby" not in compose(kind, passkey="x").text


@pytest.mark.usefixtures("app")
def test_a_mail_whose_user_is_gone_is_dropped() -> None:
    """Also one to an address of its own: nobody waits for it any more."""
    with pytest.raises(AssertionError, match="None"):
        compose(MailKind.CONFIRM_NEW_ADDRESS, user_id=99)


# --- what some of them say -------------------------------------------------------------------------------


@pytest.mark.usefixtures("app")
def test_a_new_device_is_named_with_its_address_and_time() -> None:
    words = " ".join(compose(MailKind.NEW_DEVICE).text.split())
    assert "Firefox on Linux, address 192.0.2.7, on 1 July 2026 at 12:00 UTC." in words


@pytest.mark.parametrize("kind", [MailKind.NEW_DEVICE, MailKind.TOKEN_REUSED])
@pytest.mark.usefixtures("app")
def test_a_device_whose_session_is_gone_is_unknown(kind: MailKind) -> None:
    """Purged before the mail could go."""
    message = compose(kind, session_id="another-22-letters----")
    assert "an unknown device" in " ".join(message.text.split())
    assert "192.0.2.7" not in message.text


@pytest.mark.parametrize(("left", "advice"), [(0, True), (2, True), (3, False), (9, False)])
@pytest.mark.usefixtures("app")
def test_few_codes_left_is_a_reason_to_make_new_ones(left: int, advice: bool) -> None:
    message = compose(MailKind.RECOVERY_CODE_USED, left=left)
    assert f"You have {left} left" in " ".join(message.text.split())
    assert ("make new ones" in " ".join(message.text.split())) is advice


@pytest.mark.usefixtures("app")
def test_a_mail_about_an_account_that_is_gone_names_nobody_and_has_no_token() -> None:
    message = compose(MailKind.ACCOUNT_DELETED, user_id=None)
    assert message.text.startswith("Hello,\n")
    assert message.recipient == people.EMAIL
    assert compose(MailKind.ADDRESS_CHANGED, user_id=None).link == f"{PUBLIC_URL}/undo/"


def test_the_sender_is_named_by_the_route(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    app = make_app(mail_url=f"file://{tmp_path}/mail?from=shop@example.com")
    people.create_user(app)
    with app.app_context():
        assert compose(MailKind.PASSWORD_CHANGED).sender == "Evergreen <shop@example.com>"


@pytest.mark.usefixtures("app")
def test_remedies_outlive_a_holiday_and_other_links_an_hour() -> None:
    """docs/accounts.md."""
    for kind, (_, purpose) in TOKENS.items():
        token = compose(kind).link.rpartition("/")[2]
        life = (
            timedelta(days=7) if purpose in (Purpose.UNDO_EMAIL_CHANGE, Purpose.DISOWN_SIGN_IN) else timedelta(hours=1)
        )
        one_time_tokens.look(db.session, token, purpose, now=START + life - timedelta(seconds=1))
        with pytest.raises(InvalidLink):
            one_time_tokens.look(db.session, token, purpose, now=START + life)
