"""A mail server that refuses (L22): for now, for good, or after it has taken the mail."""

import pytest

from tests.faults.clients import Client
from tests.faults.mails import all_have_failed, new_address, register, wait_until_empty, waiting, wake
from tests.faults.smtp_servers import PostOffice, post_office
from tests.support.live import LiveServer
from tests.support.waiting import wait_until
from webapp import outbox

HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_what_is_refused_for_now_is_tried_again(server: LiveServer, client: Client, smtp_port: int, step: str) -> None:
    """L22: greylisting."""
    address = new_address("grey")
    grey = PostOffice({address: ["451 4.7.1 greylisted, come back later"]}, step)
    with post_office(smtp_port, grey) as office:
        register(client, address)
        wait_until(lambda: all_have_failed(server, 1), "it was refused")
        ((attempts, error, is_given_up),) = waiting(server)
        assert (attempts, error.endswith(": 451"), is_given_up) == (1, True, False)
        server.move_clock(-HOUR)  # however long the next lines take
        office.wait_for(wake(client))
        assert office.asked[address] == 1, "not before its pause is over"
        server.move_clock(outbox.FIRST_PAUSE.total_seconds() + 1)
        wake(client)
        office.wait_for(address)
        wait_until_empty(server)
    assert office.has_had(address)


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_what_is_refused_for_good_waits_for_an_operator(
    server: LiveServer, client: Client, smtp_port: int, step: str
) -> None:
    """L22: it is not tried again, and does not keep the others from going."""
    address = new_address("unknown")
    strict = PostOffice({address: ["550 5.1.1 no such user"]}, step)
    with post_office(smtp_port, strict) as office:
        register(client, address)
        wait_until(lambda: all_have_failed(server, 1), "it was refused")
        ((attempts, error, is_given_up),) = waiting(server)
        assert (attempts, error.endswith(": 550"), is_given_up) == (1, True, True)
        for days in (1, 30):
            server.move_clock(days * DAY)
            office.wait_for(wake(client))
        wait_until(lambda: len(waiting(server)) == 1, "the others are gone, it is kept")
    assert (office.asked[address], office.recipients[address]) == (1, 0)


def test_a_mail_that_was_taken_is_not_sent_again_because_of_a_rude_good_bye(
    server: LiveServer, client: Client, smtp_port: int
) -> None:
    with post_office(smtp_port, PostOffice(hangs_up=True)) as office:
        office.wait_for(address := wake(client))
        wait_until_empty(server)
        server.move_clock(DAY)
        office.wait_for(wake(client))
        wait_until_empty(server)
    assert office.has_had(address)
