"""Every kind of mail can be made, and says the same in both of its parts."""

import html
import re
from dataclasses import dataclass, field
from email.headerregistry import Address
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask

from tests.support import people
from tests.support.mail_kinds import DETAILS, MARKUP, compose
from tests.support.mailbox import Mailbox, text
from tests.support.settings import PUBLIC_URL
from tests.support.steps import START
from webapp import outbox
from webapp.config import ROOT
from webapp.database import db
from webapp.mail import Message
from webapp.outbox import MailKind

# Those that go to an address which the account has proved; to any other nothing is said that somebody has chosen.
SAYING = set(MailKind) - {MailKind.CONFIRM_NEW_ADDRESS}
every_kind = pytest.mark.parametrize("kind", list(MailKind))


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
