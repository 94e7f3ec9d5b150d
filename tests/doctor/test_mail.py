"""The doctor on mail: real SMTP servers, and what waits in the outbox."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from flask import Flask

from tests.doctor.conftest import complaints, run
from tests.faults.smtp_servers import PostOffice, certificate, post_office
from tests.support import people
from tests.support.live import free_port
from webapp import outbox
from webapp.clock import utc_now
from webapp.database import db
from webapp.doctor import mail
from webapp.outbox import MailKind

PATIENCE = 30  # seconds

# --- where mail goes -------------------------------------------------------------------------------------


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> trustme.CA:
    """Who signs the certificates that this machine trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


@pytest.mark.parametrize(
    ("mail_url", "code", "remedy"),
    [
        ("", "mail-nowhere", "set MAIL_URL"),
        ("file:///tmp", "mail-in-folder", "set MAIL_URL"),
        ("smtp://127.0.0.1:1", "mail-unreachable", "check host, port and tls="),
        ("smtp://mail.invalid?tls=starttls", "mail-unreachable", "check host, port and tls="),
    ],
)
def test_mail_that_reaches_nobody_is_found(clinic: Callable[..., Flask], mail_url: str, code: str, remedy: str) -> None:
    found = complaints(clinic(mail_url=mail_url))
    assert found.keys() == {code}
    assert remedy in found[code]


def test_mail_in_the_clear_to_another_host_is_found(clinic: Callable[..., Flask]) -> None:
    found = complaints(clinic(mail_url="smtp://u:hunter2@mail.invalid?tls=off"))
    assert found.keys() == {"mail-plain", "mail-unreachable"}
    assert "add ?tls=starttls" in found["mail-plain"]
    assert "hunter2" not in str(found)


def test_a_server_that_lets_us_in_by_tls_and_password_is_sound(
    clinic: Callable[..., Flask], authority: trustme.CA
) -> None:
    port = free_port()
    with post_office(port, PostOffice(password=b"hunter2"), certificate(authority)) as office:
        app = clinic(mail_url=f"smtp://us:hunter2@127.0.0.1:{port}")
        assert complaints(app) == {}
    assert [login.login for login in office.logins] == [b"us"]
    assert (office.letters, sum(office.asked.values())) == ([], 0), "no mail is sent, and none is begun"


@pytest.mark.parametrize(
    ("server", "query", "code"),
    [
        ("of an unknown authority", "", "mail-certificate"),
        ("of another name", "", "mail-certificate"),
        ("that knows another password", "", "mail-sign-in"),
        ("without TLS", "", "mail-tls"),
        ("without TLS", "?tls=on", "mail-tls"),
        ("without TLS", "?tls=off", "mail-tls"),
    ],
)
def test_a_server_that_does_not_let_us_in_is_found_with_the_reason(
    clinic: Callable[..., Flask], authority: trustme.CA, server: str, query: str, code: str
) -> None:
    certificates = {
        "of an unknown authority": certificate(trustme.CA()),
        "of another name": certificate(authority, "mail.example"),
        "without TLS": None,
        "that knows another password": certificate(authority),
    }
    port = free_port()
    with post_office(port, PostOffice(password=b"another"), certificates[server]) as office:
        found = complaints(clinic(mail_url=f"smtp://us:hunter2@127.0.0.1:{port}{query}"))
    assert found.keys() == {code}
    assert "in MAIL_URL" in found[code]
    assert "hunter2" not in found[code]
    assert not office.logins or code == "mail-sign-in"


@contextmanager
def answering(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """A server that talks as `answer` does to the one who comes; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(PATIENCE)
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(2 * PATIENCE)


@pytest.mark.parametrize("is_known", [True, False])
def test_the_certificate_counts_where_tls_begins_at_once(
    clinic: Callable[..., Flask], authority: trustme.CA, is_known: bool
) -> None:
    context = certificate(authority if is_known else trustme.CA())
    # Whoever is let in hears no greeting, and hangs up.
    with answering(lambda connection: context.wrap_socket(connection, server_side=True).close()) as port:
        found = complaints(clinic(mail_url=f"smtp://us:hunter2@127.0.0.1:{port}?tls=on"))
    assert found.keys() == {"mail-unreachable" if is_known else "mail-certificate"}


def test_a_server_that_never_comes_to_the_point_does_not_keep_the_doctor(
    clinic: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line comes in time, and there is always one more."""
    monkeypatch.setattr(mail, "PATIENCE", 0.5)
    done = threading.Event()

    def chatter(connection: socket.socket) -> None:
        for _ in range(100):
            connection.sendall(b"220-one moment\r\n")
            if done.wait(0.05):
                return

    with answering(chatter) as port:
        found = complaints(clinic(mail_url=f"smtp://127.0.0.1:{port}"))
        done.set()
    assert found.keys() == {"mail-unreachable"}
    assert "(TimeoutError)" in found["mail-unreachable"]


# --- what waits ------------------------------------------------------------------------------------------


def enqueue(app: Flask, *, ago: timedelta) -> None:
    user_id = people.create_user(app, password="nobody has published this")
    with app.app_context():
        outbox.enqueue(db.session, MailKind.PASSWORD_CHANGED, user_id=user_id, now=utc_now() - ago)
        db.session.commit()


def test_mail_that_failed_is_found_and_goes_when_the_remedy_is_followed(clinic: Callable[..., Flask]) -> None:
    port = free_port()
    app = clinic(mail_url=f"smtp://127.0.0.1:{port}")
    enqueue(app, ago=timedelta(0))
    run(app, "mail", "send")
    with post_office(port) as office:
        found = complaints(app, now=utc_now() + timedelta(hours=2))
        assert found.keys() == {"mail-failed"}
        assert "1 could not be sent, the last because of ConnectionRefusedError" in found["mail-failed"]
        assert "flask --app wsgi mail retry" in found["mail-failed"]
        run(app, "mail", "retry")
        run(app, "mail", "send")
        assert complaints(app) == {}
    assert office.has_had(people.EMAIL)


def test_mail_that_somebody_is_sending_is_not_said_to_wait_for_it(clinic: Callable[..., Flask]) -> None:
    app, now = clinic(), utc_now()
    enqueue(app, ago=timedelta(hours=2))
    with app.app_context():
        assert outbox.claim(db.session, now=now)
    assert complaints(app, now=now + outbox.LEASE - timedelta(seconds=1)) == {}
    assert complaints(app, now=now + outbox.LEASE).keys() == {"mail-waiting"}


def test_mail_that_nobody_tries_to_send_is_found_and_the_remedy_works(clinic: Callable[..., Flask]) -> None:
    app = clinic()
    enqueue(app, ago=timedelta(minutes=59))
    assert complaints(app) == {}
    found = complaints(app, now=utc_now() + timedelta(minutes=2))
    assert found.keys() == {"mail-waiting"}
    assert "flask --app wsgi mail send" in found["mail-waiting"]
    run(app, "mail", "send")
    assert complaints(app, now=utc_now() + timedelta(minutes=2)) == {}
