"""A mail server that is away, or says nothing (L22): requests do not wait, and nothing is lost."""

from tests.faults.clients import Client, one_client
from tests.faults.mails import PAUSE, all_have_failed, ask, new_address, register, wait_until_empty, waiting, wake
from tests.faults.smtp_servers import post_office, tar_pit
from tests.support import people
from tests.support.live import LiveServer
from tests.support.waiting import wait_until
from webapp.postman import TIMEOUT

AT_ONCE = TIMEOUT / 2  # seconds; whoever waits for a server that says nothing waits for TIMEOUT


def test_a_dead_mail_server_delays_no_request_and_gets_the_mails_when_it_is_back(
    server: LiveServer, client: Client, smtp_port: int
) -> None:
    """L22."""
    addresses = [new_address("dead") for _ in range(4)]
    slowest = max(register(client, address) for address in addresses)
    slowest = max(slowest, ask(client, "/api/password/forgot", email=people.EMAIL))
    assert slowest < AT_ONCE
    wait_until(lambda: all_have_failed(server, 5), "each mail was tried")
    assert {error.partition(":")[0] for _, error, _ in waiting(server)} == {"ConnectionRefusedError"}
    assert not any(is_given_up for _, _, is_given_up in waiting(server))
    server.move_clock(PAUSE)
    with post_office(smtp_port) as office:
        everybody = [*addresses, people.EMAIL, wake(client)]
        office.wait_for(*everybody)
        wait_until_empty(server)
    assert office.has_had(*everybody)


def test_a_mail_server_that_never_answers_delays_no_request(server: LiveServer, client: Client, smtp_port: int) -> None:
    """L22: every worker's postman sits in the tar pit meanwhile."""
    addresses = [new_address("tar") for _ in range(6)]
    with tar_pit(smtp_port) as pit:
        first, *others = addresses
        register(client, first)
        pit.wait_for_victim()
        times = []
        for address in others:
            with one_client(server) as stranger:
                times.append(register(stranger, address))
                assert stranger.call("GET", "/healthz").status == 200
        times.append(ask(client, "/api/password/forgot", email=people.EMAIL))
        assert max(times) < AT_ONCE, times
        assert len(waiting(server)) == len(addresses) + 1, "nothing was sent, and nothing was lost"
    wait_until(lambda: all_have_failed(server, len(addresses) + 1), "each mail was tried")
    server.move_clock(PAUSE)
    with post_office(smtp_port) as office:
        office.wait_for(*addresses, people.EMAIL, wake(client))
        wait_until_empty(server)
    assert office.has_had(*addresses, people.EMAIL)
