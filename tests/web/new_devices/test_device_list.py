"""The list of devices: which there are, where, since when, and what they do."""

import re

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.new_devices import HOME, OTHER, SAFARI, TRAIN, client
from tests.support.steps import HOUR, MINUTE, refresh

pytestmark = pytest.mark.usefixtures("clock")


def listed(http: FlaskClient) -> dict[str, str]:
    """Return what the list of devices says of each, by its name."""
    cards = http.get("/account/sessions").text.split('<h2 class="device-name">')[1:]
    parts = [card.partition("</h2>") for card in cards]
    return {plain(name): plain(facts[: facts.index("</dl>")]) for name, _, facts in parts}


def plain(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", markup).split())


def test_the_list_names_each_device_its_place_when_it_was_seen_and_what_it_does(
    app: Flask, laptop: FlaskClient, clock: time_machine.Traveller
) -> None:
    """V08: this device is marked, deeds are told in words, and others' devices are not shown."""
    people.create_user(app, OTHER)
    people.sign_in(client(app), email=OTHER)
    clock.shift(HOUR)
    phone = people.sign_in(client(app, SAFARI, TRAIN))
    clock.shift(MINUTE)
    assert phone.me().status_code == 200
    clock.shift(2 * MINUTE)
    people.sign_in(client(app, "curl/8.5.0", "127.0.0.1"))
    latest = "Ends at the latest 31 July 2026"
    assert listed(laptop) == {
        "Firefox on Linux This device": "Last seen 1 July 2026, 13:03 UTC Doing now Looks at /account/sessions "
        f"First seen 1 July 2026, 12:00 UTC {latest}, 12:00 UTC Network address Local network ({HOME}) Kind Browser",
        "Mobile Safari on iOS": "Last seen 1 July 2026, 13:01 UTC Did last Uses the API "
        f"First seen 1 July 2026, 13:00 UTC {latest}, 13:00 UTC Network address {TRAIN} Kind App",
        "curl on Unknown system": "Last seen 1 July 2026, 13:03 UTC Doing now Signs in "
        f"First seen 1 July 2026, 13:03 UTC {latest}, 13:03 UTC Network address This machine (127.0.0.1) Kind App",
    }
    clock.shift(MINUTE)
    assert refresh(phone.http, phone.refresh or "").status_code == 200
    assert "Doing now Renews its sign-in " in listed(laptop)["Mobile Safari on iOS"]
