"""What the owner hears of sign-ins: of new devices once, of stolen tokens once, and the list of devices."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import people, steps
from tests.support.mailbox import Mailbox, text
from tests.support.steps import DAY, HOUR, assert_refused, csrf_token, events, is_signed_in, sign_in_by_form

MINUTE = 60
NEW_DEVICE, TOKEN_REUSED = "New sign-in to your account", "A device was signed out to protect you"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1"
OTHER = "other@test.com"
HOME, TRAIN = "192.168.1.20", "9.9.9.9"


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    return make_app(mail_url=f"file://{tmp_path}/mail")


@pytest.fixture
def mailbox(app: Flask, user_id: int, tmp_path: Path) -> Mailbox:
    return Mailbox(app, tmp_path / "mail")


@pytest.fixture
def laptop(app: Flask, mailbox: Mailbox) -> FlaskClient:
    """Firefox at home, from which John Doe has signed in first."""
    http = client(app)
    sign_in_by_form(http)
    return http


def client(app: Flask, agent: str = FIREFOX, address: str = HOME) -> FlaskClient:
    http = app.test_client()
    move(http, agent, address)
    return http


def move(http: FlaskClient, agent: str, address: str) -> None:
    http.environ_base.update({"HTTP_USER_AGENT": agent, "REMOTE_ADDR": address})


def sign_in_again(http: FlaskClient, email: str = people.EMAIL) -> None:
    """Sign in by the form, as a browser whose session has ended."""
    http.delete_cookie("refresh_token")
    assert sign_in_by_form(http, email=email).status_code == 303


def listed(http: FlaskClient) -> dict[str, str]:
    """Return what the list of devices says of each, by its name."""
    cards = http.get("/account/sessions").text.split('<h2 class="device-name">')[1:]
    parts = [card.partition("</h2>") for card in cards]
    return {plain(name): plain(facts[: facts.index("</dl>")]) for name, _, facts in parts}


def plain(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", markup).split())


# --- which sign-ins are mailed -------------------------------------------------------------------------------


def test_the_first_sign_in_after_registration_is_no_news(app: Flask, mailbox: Mailbox) -> None:
    """ASVS 6.3.5: the next one, from elsewhere, is."""
    email, password = "new@example.com", "seven quiet hedges"
    body = {"email": email, "password": password}
    assert app.test_client().post("/api/register", json=body).status_code == 202
    app.test_client().post("/api/email/verify", json={"token": mailbox.token("verify", email)})
    people.sign_in(client(app), email=email, password=password)
    assert mailbox.to(email) == []
    people.sign_in(client(app, SAFARI, TRAIN), email=email, password=password)
    assert mailbox.to(email) == [NEW_DEVICE]


def test_an_unknown_browser_is_mailed_once_with_its_name_place_and_time(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient, clock: time_machine.Traveller
) -> None:
    """ASVS 6.3.5: a failed sign-in is not mailed, nor is the next one from there, with or without its cookie."""
    clock.shift(HOUR)
    phone = client(app, SAFARI, TRAIN)
    assert sign_in_by_form(phone, password="wrong").status_code == 422
    assert mailbox.deliver() == []
    sign_in_by_form(phone)
    (mail,) = mailbox.deliver()
    assert (mail["To"], mail["Subject"]) == (people.EMAIL, NEW_DEVICE)
    assert f"Mobile Safari on iOS, address {TRAIN}, on 1 July 2026 at 13:00 UTC." in " ".join(text(mail).split())
    sign_in_again(phone)
    people.sign_in(client(app, SAFARI, TRAIN))
    sign_in_again(laptop)
    assert mailbox.deliver() == []


@pytest.mark.parametrize(("age", "expected"), [(180 * DAY - 1, []), (180 * DAY, [NEW_DEVICE])])
def test_a_browser_is_known_by_its_cookie_wherever_it_is(
    mailbox: Mailbox, laptop: FlaskClient, clock: time_machine.Traveller, age: int, expected: list[str]
) -> None:
    """ASVS 6.3.5: under a new name and address, for 180 days."""
    clock.shift(age)
    move(laptop, SAFARI, TRAIN)
    sign_in_again(laptop)
    assert mailbox.to(people.EMAIL) == expected


def test_the_cookie_of_another_account_makes_no_browser_known(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient
) -> None:
    """ASVS 6.3.5: until it has signed in to this one too; then it is known to both."""
    people.create_user(app, OTHER)
    shared = client(app, SAFARI, TRAIN)
    for email, expected in ((OTHER, []), (people.EMAIL, [NEW_DEVICE]), (people.EMAIL, []), (OTHER, [])):
        move(shared, f"Browser of {email}", f"198.51.100.{len(expected)}")
        sign_in_again(shared, email)
        assert mailbox.to(email) == expected


def test_a_program_is_known_by_name_and_address_together(app: Flask, mailbox: Mailbox) -> None:
    """ASVS 6.3.5: it keeps no cookie."""
    for place, news in (((FIREFOX, HOME), 0), ((FIREFOX, HOME), 0), ((SAFARI, HOME), 1), ((FIREFOX, TRAIN), 1)):
        http = client(app, *place)
        people.sign_in(http)
        assert (http.get_cookie("known_device"), mailbox.to(people.EMAIL)) == (None, [NEW_DEVICE] * news)


# --- this was not me -----------------------------------------------------------------------------------------


def stolen_sign_in(app: Flask, mailbox: Mailbox) -> tuple[people.SignedIn, str]:
    """Somebody who knows the password signs in; return their session, and the path of the link that was mailed."""
    thief = people.sign_in(client(app, SAFARI, TRAIN))
    return thief, f"/not-me/{mailbox.token('not-me', people.EMAIL)}"


def press(http: FlaskClient, path: str) -> TestResponse:
    return http.post(path, data={"csrf_token": csrf_token(http.get(path))})


def test_opening_the_link_changes_nothing_and_its_button_ends_that_session_and_starts_a_reset(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient
) -> None:
    """P05, ASVS 6.3.5: mail programs open links too."""
    thief, path = stolen_sign_in(app, mailbox)
    http = app.test_client()
    for _ in range(5):
        page = http.get(path)
        assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
    assert http.post(path).status_code == 400
    assert (thief.me().status_code, events(app, "sign_in_disowned")) == (200, [])
    reply = press(http, path)
    assert (reply.status_code, reply.headers["Location"].startswith("/reset/")) == (303, True)
    assert_refused(thief.me(), "session_ended")
    assert steps.refresh(thief.http, thief.refresh or "").status_code == 401
    assert (is_signed_in(laptop), is_signed_in(http)) == (True, False)
    assert len(events(app, "sign_in_disowned")) == 1
    assert http.get(path).status_code == 400
    new = {"token": reply.headers["Location"].removeprefix("/reset/"), "password": "seven quiet hedges"}
    assert app.test_client().post("/api/password/reset", json=new).status_code == 204
    assert not is_signed_in(laptop)


def test_the_link_works_for_seven_days(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient, clock: time_machine.Traveller
) -> None:
    """P01: its page and its button."""
    _, path = stolen_sign_in(app, mailbox)
    http = app.test_client()
    clock.shift(7 * DAY - 1)
    assert http.get(path).status_code == 200
    clock.shift(1)
    token = csrf_token(http.get("/login"))
    assert (http.get(path).status_code, http.post(path, data={"csrf_token": token}).status_code) == (400, 400)
    assert events(app, "sign_in_disowned") == []


def test_a_sign_in_from_the_place_that_was_disowned_is_news_again(
    app: Flask, mailbox: Mailbox, laptop: FlaskClient, clock: time_machine.Traveller
) -> None:
    """ASVS 6.3.5: devices are forgotten, the owner's own as well."""
    _, path = stolen_sign_in(app, mailbox)
    clock.shift(MINUTE)
    press(app.test_client(), path)
    clock.shift(MINUTE)
    people.sign_in(client(app, SAFARI, TRAIN))
    sign_in_again(laptop)
    assert mailbox.to(people.EMAIL) == [NEW_DEVICE, NEW_DEVICE]


# --- stolen tokens -------------------------------------------------------------------------------------------


def test_a_token_that_is_used_again_is_mailed_once_however_often_it_comes(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """R16, ASVS 6.3.5: a retry within the leeway is no theft."""
    session = people.sign_in(client(app))
    second = steps.successor(steps.refresh(session.http, session.refresh or ""))
    third = steps.successor(steps.refresh(session.http, second))
    assert steps.refresh(session.http, session.refresh or "").status_code == 200
    assert mailbox.deliver() == []
    clock.shift(HOUR)
    thief = app.test_client()
    assert_refused(steps.refresh(thief, session.refresh or ""), "token_reused")
    for token in (session.refresh or "", second, third) * 2:
        assert steps.refresh(thief, token).status_code == 401
    (mail,) = mailbox.deliver()
    assert (mail["To"], mail["Subject"]) == (people.EMAIL, TOKEN_REUSED)
    assert f"(Firefox on Linux, address {HOME}) was used again" in " ".join(text(mail).split())
    assert len(events(app, "refresh_reuse")) == 1


# --- the list of devices -------------------------------------------------------------------------------------


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
        f"First seen 1 July 2026, 12:00 UTC {latest}, 12:00 UTC Place Local network ({HOME}) Kind Browser",
        "Mobile Safari on iOS": "Last seen 1 July 2026, 13:01 UTC Did last Calls GET /api/me "
        f"First seen 1 July 2026, 13:00 UTC {latest}, 13:00 UTC Place {TRAIN} Kind App",
        "curl on Unknown system": "Last seen 1 July 2026, 13:03 UTC Doing now Signs in "
        f"First seen 1 July 2026, 13:03 UTC {latest}, 13:03 UTC Place This machine (127.0.0.1) Kind App",
    }
