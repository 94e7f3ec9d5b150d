"""Every kind of mail leads where it must, for as long as it must, and nowhere else."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.support.mail_kinds import DETAILS, REMEDIES, SID, TOKENS, compose
from tests.support.settings import PUBLIC_URL
from tests.support.steps import START
from webapp import one_time_tokens, outbox
from webapp.database import DbSession, db
from webapp.errors import InvalidLink
from webapp.models import OutboxMail, User
from webapp.one_time_tokens import Purpose
from webapp.outbox import MailKind

REPLACING = [kind for kind, (_, purpose) in TOKENS.items() if purpose not in REMEDIES]


@pytest.mark.parametrize("kind", list(TOKENS))
@pytest.mark.usefixtures("app")
def test_a_link_with_a_token_opens_what_it_is_for_and_nothing_else(kind: MailKind) -> None:
    path, purpose = TOKENS[kind]
    message = compose(kind)
    prefix, token = message.link[: len(PUBLIC_URL + path)], message.link[len(PUBLIC_URL + path) :]
    assert prefix == PUBLIC_URL + path
    found = one_time_tokens.look(db.session, token, purpose, now=START)
    sid = SID if purpose is Purpose.DISOWN_SIGN_IN else None
    since = START if purpose in REMEDIES else None
    assert (found.user_id, found.email, found.session_id, found.since) == (1, message.recipient, sid, since)
    for other in set(Purpose) - {purpose}:
        with pytest.raises(InvalidLink):
            one_time_tokens.look(db.session, token, other, now=START)


@pytest.mark.parametrize("kind", list(MailKind))
@pytest.mark.usefixtures("app")
def test_what_waits_keeps_the_address_from_before_unless_its_link_is_for_the_one_that_the_account_has(
    kind: MailKind,
) -> None:
    """P08: `outbox` names the second kind by itself, being below `mail`, where links are."""
    outbox.enqueue(db.session, kind, user_id=1, now=START)
    outbox.keep_address(db.session, "before@test.com", user_id=1)
    detail = db.session.scalars(select(OutboxMail.detail)).one()
    is_of_account = kind in REPLACING and "address" not in DETAILS.get(kind, {})
    assert detail == ({} if is_of_account else {"address": "before@test.com"})


@pytest.mark.parametrize("kind", list(TOKENS))
@pytest.mark.usefixtures("app")
def test_the_same_mail_once_more_takes_the_place_of_the_first_or_stands_beside_it(kind: MailKind) -> None:
    """Trying again must not leave two links that reset; each new device has a link of its own."""
    _, purpose = TOKENS[kind]
    first, second = (compose(kind).link.rpartition("/")[2] for _ in range(2))
    assert first != second
    one_time_tokens.look(db.session, second, purpose, now=START)
    if kind not in REPLACING:
        one_time_tokens.look(db.session, first, purpose, now=START)
        return
    with pytest.raises(InvalidLink):
        one_time_tokens.look(db.session, first, purpose, now=START)


@pytest.mark.parametrize("kind", sorted(set(MailKind) - set(TOKENS)))
@pytest.mark.usefixtures("app")
def test_all_other_links_open_nothing_by_themselves(app: Flask, kind: MailKind) -> None:
    path = compose(kind).link.removeprefix(PUBLIC_URL)
    assert app.test_client().get(path).status_code in (200, 302, 303), "there is such a page"
    assert re.fullmatch(r"/[a-z/]+", path)


@pytest.mark.usefixtures("app")
def test_a_mail_goes_to_the_address_that_the_account_has_once_its_row_is_locked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P08: another may be confirmed while the mail is made."""
    lock, was_read = one_time_tokens.lock_owner, db.session.get_one(User, 1)

    def lock_late(session: DbSession, user_id: int) -> None:
        session.execute(update(User).values(email="new@example.com").execution_options(synchronize_session=False))
        lock(session, user_id)

    monkeypatch.setattr(one_time_tokens, "lock_owner", lock_late)
    assert compose(MailKind.PASSWORD_CHANGED).recipient == was_read.email == "new@example.com"


UNASKED = set(MailKind) - {
    MailKind.CONFIRM_ADDRESS,
    MailKind.ALREADY_REGISTERED,
    MailKind.RESET_PASSWORD,
    MailKind.ADDRESS_IN_USE,
    MailKind.NEW_DEVICES_LOCKED,
    MailKind.CONFIRM_NEW_ADDRESS,  # goes to another address
}


@pytest.mark.parametrize("kind", list(MailKind))
@pytest.mark.usefixtures("app")
def test_an_address_that_is_not_proved_is_sent_what_the_doors_send_and_no_words_of_anybody(kind: MailKind) -> None:
    """P07, I07: or who signs up with it has the product mail a stranger as often, and what, they like."""
    db.session.execute(update(User).values(email_verified=False))
    if kind in UNASKED:
        with pytest.raises(AssertionError, match="None"):
            compose(kind)
    else:
        assert "Bobby" not in compose(kind).text


@pytest.mark.parametrize("kind", list(MailKind))
@pytest.mark.usefixtures("app")
def test_no_new_link_opens_an_account_that_was_deactivated(kind: MailKind) -> None:
    """Z05: the mail may have waited for its server."""
    db.session.execute(update(User).values(is_active=False))
    if kind in REPLACING:
        with pytest.raises(AssertionError, match="None"):
            compose(kind)
    else:
        assert compose(kind)


@pytest.mark.usefixtures("app")
def test_a_mail_whose_user_is_gone_is_dropped() -> None:
    """Also one to an address of its own: nobody waits for it any more."""
    with pytest.raises(AssertionError, match="None"):
        compose(MailKind.CONFIRM_NEW_ADDRESS, user_id=99)


@pytest.mark.usefixtures("app")
def test_remedies_outlive_a_holiday_and_other_links_an_hour() -> None:
    """docs/accounts.md."""
    for kind, (_, purpose) in TOKENS.items():
        token = compose(kind).link.rpartition("/")[2]
        life = (
            timedelta(days=7) if purpose in (Purpose.UNDO_EMAIL_CHANGE, Purpose.DISOWN_SIGN_IN) else timedelta(hours=1)
        )
        one_time_tokens.look(db.session, token, purpose, now=START + life - timedelta(seconds=1))
        with pytest.raises(InvalidLink):
            one_time_tokens.look(db.session, token, purpose, now=START + life)
