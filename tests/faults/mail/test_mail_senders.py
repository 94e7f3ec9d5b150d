"""Many senders of mail at once, and their death (L22): each mail is sent, and once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.clients import Client, one_client
from tests.faults.mails import new_address, prepared_database, register, served, wait_until_empty, waiting, wake
from tests.faults.servers import WORKERS, kill_all, start_again
from tests.faults.smtp_servers import PostOffice, post_office, tar_pit
from tests.support.databases import turn_for_a_crowd
from tests.support.live import LiveServer, free_port
from tests.support.waiting import wait_until
from webapp import outbox

LEASE = outbox.LEASE.total_seconds() + 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_senders_of_two_hosts_send_each_mail_once(kind: str, tmp_path: Path) -> None:
    """Two gunicorns of two workers each on one database; new mails wake all four while they are at work."""
    port, mails = free_port(), 40
    addresses = [new_address("once") for _ in range(mails)]
    with ExitStack() as stack:
        stack.enter_context(turn_for_a_crowd(kind))
        url = stack.enter_context(prepared_database(kind, tmp_path))
        office = stack.enter_context(post_office(port, PostOffice(takes=0.02, gathers=2)))
        mail_url = f"smtp://127.0.0.1:{port}"
        servers = [stack.enter_context(served(tmp_path / name, url, mail_url)) for name in ("one", "two")]

        def sign_up(number: int) -> None:
            with one_client(servers[number % 2]) as client:
                register(client, addresses[number])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(sign_up, range(mails)))
        office.wait_for(*addresses)
        wait_until_empty(servers[0])
        assert all("unexpected error" not in server.log for server in servers)
    assert office.has_had(*addresses), office.recipients.most_common(3)
    assert office.has_gathered.is_set(), "they did not work at the same time"


def test_no_mail_is_lost_when_everything_is_killed_right_after_the_answer(
    server: LiveServer, client: Client, smtp_port: int
) -> None:
    """L22: what a dead sender had taken goes when its lease is over, the rest at once."""
    addresses = [new_address("killed") for _ in range(6)]
    with tar_pit(smtp_port) as pit:
        for address in addresses:
            register(client, address)
        pit.wait_for_victim()
        kill_all(server)
    taken = [mail for mail in waiting(server) if mail[0]]
    assert 0 < len(taken) <= WORKERS
    with post_office(smtp_port) as office:
        start_again(server)
        with one_client(server) as fresh:  # the other's connection is as dead as its server
            office.wait_for(wake(fresh))
            wait_until(lambda: waiting(server) == taken, "all that nobody had taken are sent")
            server.move_clock(LEASE)
            wake(fresh)
        office.wait_for(*addresses)
        wait_until_empty(server)
    assert office.has_had(*addresses)
