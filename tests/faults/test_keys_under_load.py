"""Keys are changed on two servers while fifty people use them, by the steps of docs/operations.md (O03)."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.faults.clients import TRANSPORT_ERRORS, Client, Reply, Session, one_client
from tests.faults.servers import start_again, wait_for_workers
from tests.faults.traffic import Habit, traffic
from tests.support import people
from tests.support.databases import close_connections, fresh_database, turn_for_a_crowd
from tests.support.key_pairs import ED25519, P256, pem
from tests.support.live import LiveServer, serve
from tests.support.settings import PUBLIC_URL, SECRET_KEY, make_settings
from tests.support.waiting import wait_until
from webapp import create_app

PEOPLE = 50
WORKERS = 2
REQUESTS = 60  # between two restarts
NEW = "another-key-for-tests-0123456789-zyxwvutsrqponm"
OLD_PAIR, NEW_PAIR = pem(ED25519), pem(P256)

# The settings before, of each step, and when the old key is taken out.
STEPS = {
    "SECRET_KEY": [
        {"secret_key": SECRET_KEY},
        {"secret_key": SECRET_KEY, "secret_key_previous": NEW},
        {"secret_key": NEW, "secret_key_previous": SECRET_KEY},
        {"secret_key": NEW, "secret_key_previous": ""},
    ],
    "JWT_SIGNING_KEY": [
        {"jwt_signing_key": OLD_PAIR},
        {"jwt_signing_key": OLD_PAIR + NEW_PAIR},
        {"jwt_signing_key": NEW_PAIR + OLD_PAIR},
        {"jwt_signing_key": NEW_PAIR},
    ],
}
Servers = list[LiveServer]


@pytest.fixture(params=[("SECRET_KEY", "postgresql"), ("JWT_SIGNING_KEY", "sqlite")], ids="-".join)
def changed(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Which key is changed, and over which database."""
    return request.param


@pytest.fixture
def servers(changed: tuple[str, str], tmp_path: Path) -> Iterator[Servers]:
    key, engine = changed
    url = fresh_database(engine, tmp_path)
    app = create_app(make_settings(database_url=url))
    for number in range(PEOPLE):
        people.create_user(app, email(number))
    with app.app_context():
        close_connections()
    with ExitStack() as stack:
        stack.enter_context(turn_for_a_crowd(engine))
        started = []
        settings = {"workers": WORKERS, "public_url": PUBLIC_URL, **STEPS[key][0]}
        for name in ("first", "second"):
            (folder := tmp_path / name).mkdir()
            started.append(stack.enter_context(serve(folder, url, **settings)))
        for each in started:
            wait_for_workers(each, WORKERS)
        yield started


@pytest.fixture
def server(servers: Servers) -> LiveServer:
    return servers[0]


def email(number: int) -> str:
    return f"person{number}@example.com"


@dataclass
class Person:
    """Somebody whose requests go to either server in turn, and to the other if one does not answer."""

    servers: Servers
    session: Session
    access: str = ""
    refresh: str = ""
    clients: list[Client] = field(default_factory=list)
    turns: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.access, self.refresh = self.session.access, self.session.refresh
        self.clients = [Client(server) for server in self.servers]

    def act(self, _client: Client) -> Reply:
        """Refresh, call with the newest access token, call with the very first one; and so on."""
        turn = next(self.turns)
        what = turn % 3
        for number in (turn, turn + 1):
            client = self.clients[number % 2]
            try:
                reply = client.refresh("body", self.refresh) if what == 0 else client.me(self._token(what))
            except TRANSPORT_ERRORS:
                continue
            self.access, self.refresh = reply.access or self.access, reply.successor or self.refresh
            return reply
        raise ConnectionError("neither server answers")

    def _token(self, what: int) -> str:
        return self.access if what == 1 else self.session.access

    def close(self) -> None:
        for client in self.clients:
            client.close()


def start_anew(server: LiveServer, settings: dict[str, str]) -> None:
    server.stop()
    server.settings |= {name.upper(): value for name, value in settings.items()}
    start_again(server, workers=WORKERS)


def test_a_key_is_changed_under_load_and_nobody_is_signed_out(servers: Servers, changed: tuple[str, str]) -> None:
    """O03: no 401 while the new key comes; the old one is refused once it is gone, and people go on."""
    key, engine = changed
    _, known, signing, alone = STEPS[key]
    with one_client(servers[0]) as client:
        persons = [Person(servers, client.sign_in("body", email=email(number))) for number in range(PEOPLE)]
        idle = client.sign_in("body", email=email(0))
    habits = [Habit(person.act, pause=0.6) for person in persons]
    with ExitStack() as at_the_end, traffic(servers[0], habits) as going:
        for person in persons:
            at_the_end.callback(person.close)
        for settings in (known, signing):
            for each in servers:
                going.wait_for(REQUESTS)  # of which many meet two servers that sign with different keys
                start_anew(each, settings)
        going.wait_for(REQUESTS)
        tokens = [person.access for person in persons]
        wait_until(lambda: all(person.access not in tokens for person in persons), "each has refreshed since")
    print(f"O03: {key} changed over {engine}: {going.answered} requests of {PEOPLE} people, not 200: {going.failures}")
    assert not going.failures
    for each in servers:
        start_anew(each, alone)
        with one_client(each) as client:
            assert_gone(client, key, persons, idle)


def assert_gone(client: Client, key: str, persons: list[Person], idle: Session) -> None:
    """What the old key has signed is refused, what the new one has signed is not."""
    assert client.me(idle.access).code == "invalid_token"
    for person in persons:
        assert (client.me(person.session.access).status, client.me(person.access).status) == (401, 200)
    refused = client.refresh("body", idle.refresh) if key == "SECRET_KEY" else client.me(idle.access)
    assert (refused.status, refused.code) == (401, "invalid_token")
    assert refused.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
