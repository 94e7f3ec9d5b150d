"""SMTP servers as mail meets them: one that takes what it is given or says why not, and one that never says a word."""

import asyncio
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socket import SHUT_RDWR, create_server, socket
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.waiting import wait_until
from webapp import postman

KEEPS = postman.TIMEOUT * 0.8  # seconds that a mail is kept at the most; then its sender would give up


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail that was taken: for whom, what, over TLS or not, and the name that signed in to send it."""

    recipient: str
    content: bytes
    is_encrypted: bool
    login: bytes | None


@dataclass
class PostOffice:
    """A server that takes every mail, but for those it has an `answers` for: by recipient, what to say next.

    `step` is where it says so. `takes` is how long it needs for a mail; it keeps the first until it has `gathers` of
    them at once; `hangs_up` lets it vanish instead of saying good-bye; `password` is the only one that it lets in, all
    others are told what they sent."""

    answers: dict[str, list[str]] = field(default_factory=dict)
    step: str = "RCPT"
    takes: float = 0.0
    gathers: int = 1
    hangs_up: bool = False
    password: bytes | None = None

    letters: list[Letter] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)  # how often each recipient was brought up
    logins: list[LoginPassword] = field(default_factory=list)
    has_gathered: asyncio.Event = field(default_factory=asyncio.Event)
    _open: int = 0

    @property
    def recipients(self) -> Counter[str]:
        return Counter(letter.recipient for letter in self.letters)

    def wait_for(self, *addresses: str) -> None:
        """Return when each of these has had a mail."""
        wait_until(lambda: set(addresses) <= self.recipients.keys(), f"{set(addresses)} in {self.recipients}")

    def has_had(self, *addresses: str) -> bool:
        """Whether each of these has had a mail, and exactly one."""
        return all(self.recipients[address] == 1 for address in addresses)

    # --- what aiosmtpd calls, in its thread ---

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's names, here and below
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.asked[address] += 1
        envelope.rcpt_tos.append(address)
        return (self._answer(address) if self.step == "RCPT" else None) or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        (recipient,) = envelope.rcpt_tos
        if self.step == "DATA" and (answer := self._answer(recipient)):
            return answer
        self._open += 1
        if self._open >= self.gathers:
            self.has_gathered.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.has_gathered.wait(), KEEPS)
        await asyncio.sleep(self.takes)
        self._open -= 1
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        login = getattr(session.auth_data, "login", None)
        self.letters.append(Letter(recipient, content, session.ssl is not None, login))
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        if self.hangs_up and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return "221 Bye"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, sent: object
    ) -> AuthResult:
        assert isinstance(sent, LoginPassword)
        self.logins.append(sent)
        if sent.password == self.password:
            return AuthResult(success=True, auth_data=sent)
        return AuthResult(success=False, handled=False, message=f"535 5.7.8 {sent.password.decode()} is wrong")

    def _answer(self, address: str) -> str | None:
        waiting = self.answers.get(address)
        return waiting.pop(0) if waiting else None


class _Controller(Controller):
    """aiosmtpd's, which leaves connections open when it stops."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._connections: list[SMTP] = []

    def factory(self) -> SMTP:
        connection: SMTP = super().factory()  # type: ignore[no-untyped-call]
        self._connections.append(connection)
        return connection

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(10)
        super().stop(no_assert)

    async def _hang_up(self) -> None:
        if self.server:
            self.server.close()
        for connection in self._connections:
            if isinstance(connection.transport, asyncio.WriteTransport):
                connection.transport.abort()
        await asyncio.sleep(0.01)  # what was aborted is closed in the loop's next turns


@contextmanager
def post_office(port: int, office: PostOffice | None = None, tls: ssl.SSLContext | None = None) -> Iterator[PostOffice]:
    """Open a post office on a port of 127.0.0.1 until the block ends; with `tls` it lets nobody in without STARTTLS."""
    office = office or PostOffice()
    secured = {"require_starttls": True, "auth_required": True, "authenticator": office.authenticate} if tls else {}
    controller = _Controller(office, hostname="127.0.0.1", port=port, tls_context=tls, **secured)
    controller.start()
    try:
        yield office
    finally:
        controller.stop()


@dataclass
class TarPit:
    """A server that takes connections and never says a word."""

    caught: list[socket] = field(default_factory=list)

    def wait_for_victim(self) -> None:
        wait_until(lambda: bool(self.caught), "nobody has come")


@contextmanager
def tar_pit(port: int) -> Iterator[TarPit]:
    """Open a tar pit on a port of 127.0.0.1; whoever is in it when the block ends is cut off."""
    pit, listener = TarPit(), create_server(("127.0.0.1", port))

    def catch() -> None:
        with suppress(OSError):
            while True:
                pit.caught.append(listener.accept()[0])

    thread = threading.Thread(target=catch)
    thread.start()
    try:
        yield pit
    finally:
        listener.shutdown(SHUT_RDWR)  # wakes the thread, which closing does not
        thread.join()
        for connection in (listener, *pit.caught):
            connection.close()


def certificate(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context
