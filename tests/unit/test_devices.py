"""The device list: which sessions are active, in which order, and what a browser is called."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from tests.support import people
from webapp.database import db
from webapp.devices import Device, device_name, list_devices
from webapp.models import AuthSession
from webapp.web.context import settings

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1"
)


def add(app: Flask, name: str, user_id: int, **fields: object) -> None:
    """Store a session that is active at NOW, changed by `fields`."""
    instants = ("confirmed_at", "created_at", "authenticated_at", "last_seen_at")
    row = {
        **dict.fromkeys(instants, NOW - timedelta(hours=1)),
        "refresh_expires_at": NOW + timedelta(days=1),
        "expires_at": NOW + timedelta(days=2),
        "transport": "cookie",
        "remember": True,
        **fields,
    }
    with app.app_context():
        db.session.add(AuthSession(id=name.ljust(22, "_"), user_id=user_id, **row))
        db.session.commit()


def listed(app: Flask, user_id: int, current: str = "") -> list[Device]:
    with app.app_context():
        return list_devices(
            db.session, settings(), user_id=user_id, current_sid=current.ljust(22, "_"), now=NOW
        )  # fmt: skip


def names(devices: list[Device]) -> list[str]:
    return [device.id.rstrip("_") for device in devices]


def test_a_user_sees_their_own_sessions_only(app: Flask, user_id: int) -> None:
    """V08."""
    other = people.create_user(app, "other@test.com")
    add(app, "mine", user_id)
    add(app, "theirs", other)
    assert names(listed(app, user_id)) == ["mine"]


def test_the_current_session_comes_first_then_the_one_seen_last(app: Flask, user_id: int) -> None:
    """V08."""
    for hours, name in enumerate(["newest", "middle", "current", "oldest"]):
        add(app, name, user_id, last_seen_at=NOW - timedelta(hours=hours))
    devices = listed(app, user_id, current="current")
    assert names(devices) == ["current", "newest", "middle", "oldest"]
    assert [device.is_current for device in devices] == [True, False, False, False]


def test_ended_and_expired_sessions_are_not_listed(app: Flask, user_id: int) -> None:
    add(app, "ended", user_id, revoked_at=NOW - timedelta(minutes=1), revoked_reason="signed_out")
    add(app, "expired", user_id, expires_at=NOW)
    add(app, "last-second", user_id, expires_at=NOW + SECOND)
    assert names(listed(app, user_id)) == ["last-second"]


def test_a_session_past_its_idle_end_is_listed_only_while_an_access_token_of_it_may_live(
    app: Flask, user_id: int
) -> None:
    """sessions.md: not listed as active once its access token is gone too, and a minute for what is not written."""
    day, before = timedelta(days=1), NOW - timedelta(minutes=1)
    idle = {"refresh_expires_at": before}
    add(app, "idle", user_id, **idle, last_seen_at=before - day)
    add(app, "idle-in-use", user_id, **idle, last_seen_at=before - day + SECOND)
    add(app, "last-second", user_id, refresh_expires_at=before + SECOND, last_seen_at=NOW - 2 * day)
    assert names(listed(app, user_id)) == ["idle-in-use", "last-second"]


def test_a_device_is_shown_with_browser_system_address_and_instants(app: Flask, user_id: int) -> None:
    """V08."""
    add(app, "mine", user_id, user_agent=FIREFOX, ip="192.0.2.7", transport="body")
    (device,) = listed(app, user_id)
    assert (device.family, device.system, device.address) == ("Firefox", "Linux", "192.0.2.7")
    assert (device.created_at, device.last_seen_at) == (NOW - timedelta(hours=1),) * 2
    assert device.expires_at == NOW + timedelta(days=2)
    assert device.transport == "body"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, ("Firefox", "Linux")),
        (SAFARI, ("Mobile Safari", "iOS")),
        ("", ("Unknown browser", "Unknown system")),
        ("\x00\xff<script>alert(1)</script>", ("Unknown browser", "Unknown system")),
        ("x" * 10_000, ("Unknown browser", "Unknown system")),
    ],
)
def test_a_browser_is_named_after_its_user_agent_header(user_agent: str, name: tuple[str, str]) -> None:
    assert device_name(user_agent) == name
