"""Mail while its server is away, slow, choosy or an impostor (L22): requests do not wait, and nothing is lost."""

import base64
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.faults.clients import Client, one_client
from tests.faults.servers import WORKERS, kill_all, rows, start_again, wait_for_workers
from tests.faults.smtp_servers import PostOffice, post_office, tar_pit, wait_until
from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.live import LiveServer, free_port, serve
from tests.support.settings import PUBLIC_URL, make_settings
from webapp import create_app, outbox
from webapp.config import Settings
from webapp.postman import TIMEOUT

PASSWORD = "correct horse battery staple"
AT_ONCE = TIMEOUT / 2  # seconds; whoever waits for a server that says nothing waits for TIMEOUT
LEASE = outbox.LEASE.total_seconds() + 1
PAUSE = outbox.LONGEST_PAUSE.total_seconds() + 1
DAY = 86_400
SMTP_NAME, SMTP_PASSWORD = "evergreen@mail.example", "hunter2:@/%-smtp-password"
_numbers = count(1)


def _address(what: str) -> str:
    """Return an address that no other test has."""
    return f"{what}-{next(_numbers)}@example.com"


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as environment:
        for name in Settings.model_fields:
            environment.delenv(name.upper(), raising=False)
        url = fresh_database(kind, folder)
        app = create_app(make_settings(database_url=url))
        people.create_user(app)
        with app.app_context():
            close_connections()
        yield url


@contextmanager
def _served(folder: Path, url: str, mail_url: str, *, workers: int = 2, **settings: Any) -> Iterator[LiveServer]:
    folder.mkdir(exist_ok=True)
    with serve(folder, url, workers=workers, public_url=PUBLIC_URL, mail_url=mail_url, **settings) as server:
        wait_for_workers(server, workers)
        try:
            yield server
        finally:
            kill_all(server)  # nothing is left to drain, and a polite end takes two seconds longer


@pytest.fixture(scope="module")
def smtp_port() -> int:
    """Where the server sends its mail; each test opens there what it is about."""
    return free_port()


@pytest.fixture(scope="module")
def running(smtp_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder, mail_url = tmp_path_factory.mktemp("mail"), f"smtp://127.0.0.1:{smtp_port}"
    with _database("sqlite", folder) as url, _served(folder, url, mail_url, workers=WORKERS) as server:
        yield server


@pytest.fixture
def server(running: LiveServer) -> LiveServer:
    """The module's server, with its clock at the present and an empty outbox."""
    return _ready(running)


def _ready(server: LiveServer) -> LiveServer:
    server.move_clock(0)
    rows(server, "DELETE FROM outbox_mails")
    return server


def _ask(client: Client, path: str, **body: str) -> float:
    """Ask for something that mails; return how many seconds the answer took."""
    began = time.monotonic()
    reply = client.call("POST", path, body=body)
    assert reply.status == 202, reply
    return time.monotonic() - began


def _sign_up(client: Client, address: str) -> float:
    return _ask(client, "/api/register", email=address, password=PASSWORD)


def _wake(client: Client) -> str:
    """Let a postman look at once, which a new mail does; return the address that it goes to."""
    _sign_up(client, address := _address("wake"))
    return address


def _waiting(server: LiveServer) -> list[tuple[int, str, bool]]:
    """What is in the outbox: attempts, last error, whether it is given up; the oldest first."""
    found = rows(server, "SELECT attempts, last_error, failed_at FROM outbox_mails ORDER BY id")
    return [(attempts, error, failed_at is not None) for attempts, error, failed_at in found]


def _all_have_failed(server: LiveServer, how_many: int) -> bool:
    found = _waiting(server)
    return len(found) == how_many and all(error for _, error, _ in found)


def _wait_until_empty(server: LiveServer) -> None:
    wait_until(lambda: not _waiting(server), "the outbox is not empty")


# --- a server that is away, or says nothing --------------------------------------------------------------


def test_a_dead_mail_server_delays_no_request_and_gets_the_mails_when_it_is_back(
    server: LiveServer, client: Client, smtp_port: int
) -> None:
    """L22."""
    addresses = [_address("dead") for _ in range(4)]
    slowest = max(_sign_up(client, address) for address in addresses)
    slowest = max(slowest, _ask(client, "/api/password/forgot", email=people.EMAIL))
    assert slowest < AT_ONCE
    wait_until(lambda: _all_have_failed(server, 5), "each mail was tried")
    assert {error.partition(":")[0] for _, error, _ in _waiting(server)} == {"ConnectionRefusedError"}
    assert not any(is_given_up for _, _, is_given_up in _waiting(server))
    server.move_clock(PAUSE)
    with post_office(smtp_port) as office:
        everybody = [*addresses, people.EMAIL, _wake(client)]
        office.wait_for(*everybody)
        _wait_until_empty(server)
    assert office.has_had(*everybody)


def test_a_mail_server_that_never_answers_delays_no_request(server: LiveServer, client: Client, smtp_port: int) -> None:
    """L22: every worker's postman sits in the tar pit meanwhile."""
    addresses = [_address("tar") for _ in range(6)]
    with tar_pit(smtp_port) as pit:
        first, *others = addresses
        _sign_up(client, first)
        pit.wait_for_victim()
        times = []
        for address in others:
            with one_client(server) as stranger:
                times.append(_sign_up(stranger, address))
                assert stranger.call("GET", "/healthz").status == 200
        times.append(_ask(client, "/api/password/forgot", email=people.EMAIL))
        assert max(times) < AT_ONCE, times
        assert len(_waiting(server)) == len(addresses) + 1, "nothing was sent, and nothing was lost"
    wait_until(lambda: _all_have_failed(server, len(addresses) + 1), "each mail was tried")
    server.move_clock(PAUSE)
    with post_office(smtp_port) as office:
        office.wait_for(*addresses, people.EMAIL, _wake(client))
        _wait_until_empty(server)
    assert office.has_had(*addresses, people.EMAIL)


# --- a server that refuses -------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_what_is_refused_for_now_is_tried_again(server: LiveServer, client: Client, smtp_port: int, step: str) -> None:
    """L22: greylisting."""
    address = _address("grey")
    grey = PostOffice({address: ["451 4.7.1 greylisted, come back later"]}, step)
    with post_office(smtp_port, grey) as office:
        _sign_up(client, address)
        wait_until(lambda: _all_have_failed(server, 1), "it was refused")
        ((attempts, error, is_given_up),) = _waiting(server)
        assert (attempts, error.endswith(": 451"), is_given_up) == (1, True, False)
        office.wait_for(_wake(client))
        assert office.asked[address] == 1, "not before its pause is over"
        server.move_clock(outbox.FIRST_PAUSE.total_seconds() + 1)
        _wake(client)
        office.wait_for(address)
        _wait_until_empty(server)
    assert office.has_had(address)


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_what_is_refused_for_good_waits_for_an_operator(
    server: LiveServer, client: Client, smtp_port: int, step: str
) -> None:
    """L22: it is not tried again, and does not keep the others from going."""
    address = _address("unknown")
    strict = PostOffice({address: ["550 5.1.1 no such user"]}, step)
    with post_office(smtp_port, strict) as office:
        _sign_up(client, address)
        wait_until(lambda: _all_have_failed(server, 1), "it was refused")
        ((attempts, error, is_given_up),) = _waiting(server)
        assert (attempts, error.endswith(": 550"), is_given_up) == (1, True, True)
        for days in (1, 30):
            server.move_clock(days * DAY)
            office.wait_for(_wake(client))
        wait_until(lambda: len(_waiting(server)) == 1, "the others are gone, it is kept")
    assert (office.asked[address], office.recipients[address]) == (1, 0)


def test_a_mail_that_was_taken_is_not_sent_again_because_of_a_rude_good_bye(
    server: LiveServer, client: Client, smtp_port: int
) -> None:
    with post_office(smtp_port, PostOffice(hangs_up=True)) as office:
        office.wait_for(address := _wake(client))
        _wait_until_empty(server)
        server.move_clock(DAY)
        office.wait_for(_wake(client))
        _wait_until_empty(server)
    assert office.has_had(address)


# --- many senders, and their death -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_senders_of_two_hosts_send_each_mail_once(kind: str, tmp_path: Path) -> None:
    """Two gunicorns of two workers each on one database; new mails wake all four while they are at work."""
    port, mails = free_port(), 40
    addresses = [_address("once") for _ in range(mails)]
    with ExitStack() as stack:
        url = stack.enter_context(_database(kind, tmp_path))
        office = stack.enter_context(post_office(port, PostOffice(takes=0.02)))
        mail_url = f"smtp://127.0.0.1:{port}"
        servers = [stack.enter_context(_served(tmp_path / name, url, mail_url)) for name in ("one", "two")]

        def sign_up(number: int) -> None:
            with one_client(servers[number % 2]) as client:
                _sign_up(client, addresses[number])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(sign_up, range(mails)))
        office.wait_for(*addresses)
        _wait_until_empty(servers[0])
        assert all("unexpected error" not in server.log for server in servers)
    assert office.has_had(*addresses), office.recipients.most_common(3)
    assert office.most_at_once > 1, "they did work at the same time"


def test_no_mail_is_lost_when_everything_is_killed_right_after_the_answer(
    server: LiveServer, client: Client, smtp_port: int
) -> None:
    """L22: what a dead sender had taken goes when its lease is over, the rest at once."""
    addresses = [_address("killed") for _ in range(6)]
    with tar_pit(smtp_port) as pit:
        for address in addresses:
            _sign_up(client, address)
        pit.wait_for_victim()
        kill_all(server)
    taken = [mail for mail in _waiting(server) if mail[0]]
    assert 0 < len(taken) <= WORKERS
    with post_office(smtp_port) as office:
        start_again(server)
        with one_client(server) as fresh:  # the other's connection is as dead as its server
            office.wait_for(_wake(fresh))
            wait_until(lambda: _waiting(server) == taken, "all that nobody had taken are sent")
            server.move_clock(LEASE)
            _wake(fresh)
        office.wait_for(*addresses)
        _wait_until_empty(server)
    assert office.has_had(*addresses)


# --- a server that may be another ------------------------------------------------------------------------


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
        _database("sqlite", folder) as url,
        _served(folder, url, mail_url, ssl_cert_file=folder / "ca.pem") as server,
    ):
        yield server, port


def _certificate(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


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
    server, port = _ready(secured[0]), secured[1]
    certificates = {
        "signed by nobody we know": _certificate(trustme.CA()),
        "of another name": _certificate(authority, "mail.example"),
        "without TLS": None,
        "that knows another password": _certificate(authority),
    }
    address = _address("secured")
    with one_client(server) as client:
        with post_office(port, PostOffice(password=b"another"), certificates[impostor]) as other:
            _sign_up(client, address)
            wait_until(lambda: _all_have_failed(server, 1), "it was tried")
        ((_, last_error, is_given_up),) = _waiting(server)
        assert (last_error[: len(error)], is_given_up) == (error, False)
        assert (other.letters, sum(other.asked.values())) == ([], 0)
        assert not other.logins or impostor == "that knows another password"
        server.move_clock(PAUSE)
        with post_office(port, PostOffice(password=SMTP_PASSWORD.encode()), _certificate(authority)) as office:
            office.wait_for(address, _wake(client))
            _wait_until_empty(server)
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
