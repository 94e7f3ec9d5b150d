"""What some kinds of mail say: which device it was, what to do, whom they name."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.support import people
from tests.support.mail_kinds import compose
from tests.support.settings import PUBLIC_URL
from webapp.database import db
from webapp.models import User
from webapp.outbox import MailKind


@pytest.mark.usefixtures("app")
def test_a_new_device_is_named_with_its_address_and_time() -> None:
    words = " ".join(compose(MailKind.NEW_DEVICE).text.split())
    assert "Firefox on Linux, network address 192.0.2.7, on 1 July 2026 at 12:00 UTC." in words


@pytest.mark.parametrize("kind", [MailKind.NEW_DEVICE, MailKind.TOKEN_REUSED])
@pytest.mark.usefixtures("app")
def test_a_device_whose_session_is_gone_is_unknown(kind: MailKind) -> None:
    """Purged before the mail could go."""
    message = compose(kind, session_id="another-22-letters----")
    assert "an unknown device" in " ".join(message.text.split())
    assert "192.0.2.7" not in message.text


@pytest.mark.parametrize(("left", "advice"), [(0, True), (2, True), (3, False), (9, False)])
@pytest.mark.usefixtures("app")
def test_few_codes_left_is_a_reason_to_make_new_ones(left: int, advice: bool) -> None:
    message = compose(MailKind.RECOVERY_CODE_USED, left=left)
    assert f"You have {left} left" in " ".join(message.text.split())
    assert ("make new ones" in " ".join(message.text.split())) is advice


@pytest.mark.usefixtures("app")
def test_a_mail_about_an_account_that_is_gone_names_nobody_and_has_no_token() -> None:
    message = compose(MailKind.ACCOUNT_DELETED, user_id=None)
    assert message.text.startswith("Hello,\n")
    assert message.recipient == people.EMAIL
    assert compose(MailKind.ADDRESS_CHANGED, user_id=None).link == f"{PUBLIC_URL}/undo/"


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("J. R. R.", "Hello J. R. R.,"),
        ("Ada: confirm it at https://evil.example/x", "Hello,"),
        ("Ada, see evil.example", "Hello,"),
        ("help@evil.example", "Hello,"),
    ],
)
@pytest.mark.usefixtures("app")
def test_nobody_is_called_by_a_name_in_which_a_mail_program_sees_a_link(name: str, greeting: str) -> None:
    """Whoever got into the account would have our mails lead somewhere else."""
    db.session.get_one(User, 1).first_name = name
    db.session.commit()
    assert compose(MailKind.RESET_PASSWORD).text.partition("\n")[0] == greeting


def test_the_sender_is_named_by_the_route(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    app = make_app(mail_url=f"file://{tmp_path}/mail?from=shop@example.com")
    people.create_user(app)
    with app.app_context():
        assert compose(MailKind.PASSWORD_CHANGED).sender == "Evergreen <shop@example.com>"
