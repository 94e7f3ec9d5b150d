"""A mail server that may be another: mail and password wait for the right one."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.faults.clients import one_client
from tests.faults.mails import (
    PAUSE,
    all_have_failed,
    new_address,
    prepared_database,
    ready,
    register,
    served,
    wait_until_empty,
    waiting,
    wake,
)
from tests.faults.smtp_servers import PostOffice, certificate, post_office
from tests.support.live import LiveServer, free_port
from tests.support.waiting import wait_until

SMTP_NAME, SMTP_PASSWORD = "evergreen@mail.example", "hunter2:@/%-smtp-password"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs the certificates that the product's machine trusts."""
    return trustme.CA()


@pytest.fixture(scope="module")
def secured(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LiveServer, int]]:
    """A server that signs in to send its mail, and the port that it sends to: its MAIL_URL names no tls=."""
    folder, port = tmp_path_factory.mktemp("secured"), free_port()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    # The characters that part an address are written as they must be in one.
    mail_url = f"smtp://evergreen%40mail.example:hunter2%3A%40%2F%25-smtp-password@127.0.0.1:{port}"
    with (
        prepared_database("sqlite", folder) as url,
        served(folder, url, mail_url, ssl_cert_file=folder / "ca.pem") as server,
    ):
        yield server, port


@pytest.mark.parametrize(
    ("impostor", "error"),
    [
        ("signed by nobody we know", "SSLCertVerificationError"),
        ("of another name", "SSLCertVerificationError"),
        ("without TLS", "SMTPNotSupportedError"),
        ("that knows another password", "SMTPAuthenticationError: 535"),
    ],
)
def test_mail_waits_for_the_right_server_and_the_password_is_told_to_no_other(
    secured: tuple[LiveServer, int], authority: trustme.CA, impostor: str, error: str
) -> None:
    """STARTTLS without a look at the certificate would hand everything to whoever stands between."""
    server, port = ready(secured[0]), secured[1]
    certificates = {
        "signed by nobody we know": certificate(trustme.CA()),
        "of another name": certificate(authority, "mail.example"),
        "without TLS": None,
        "that knows another password": certificate(authority),
    }
    address = new_address("secured")
    with one_client(server) as client:
        with post_office(port, PostOffice(password=b"another"), certificates[impostor]) as other:
            register(client, address)
            wait_until(lambda: all_have_failed(server, 1), "it was tried")
        ((_, last_error, is_given_up),) = waiting(server)
        assert (last_error[: len(error)], is_given_up) == (error, False)
        assert (other.letters, sum(other.asked.values())) == ([], 0)
        assert not other.logins or impostor == "that knows another password"
        server.move_clock(PAUSE)
        with post_office(port, PostOffice(password=SMTP_PASSWORD.encode()), certificate(authority)) as office:
            office.wait_for(address, wake(client))
            wait_until_empty(server)
    assert office.has_had(address)
    assert {(letter.is_encrypted, letter.login) for letter in office.letters} == {(True, SMTP_NAME.encode())}
    _knows_no_secret(server)


def _knows_no_secret(server: LiveServer) -> None:
    """O05: neither the log nor the database holds the SMTP password, in whatever spelling."""
    database = Path(server.settings["DATABASE_URL"].removeprefix("sqlite:///"))
    kept = [server.log.encode(), *(file.read_bytes() for file in database.parent.glob(f"{database.name}*"))]
    assert len(kept) > 1
    spellings = [SMTP_PASSWORD, "hunter2", base64.b64encode(SMTP_PASSWORD.encode()).decode()]
    spellings.append(base64.b64encode(f"\0{SMTP_NAME}\0{SMTP_PASSWORD}".encode()).decode())
    assert [word for word in spellings for content in kept if word.encode() in content] == []
