"""Making a passkey, and signing in with one (WebAuthn level 3; the webauthn library).

A challenge is a one-time token, so it works once, for five minutes, whichever worker or host it comes back to. The
library is imported when it is first needed: it takes a tenth of a second."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from webapp import audit, one_time_tokens, outbox, passkeys, session_state
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import EmailNotVerified, InvalidFields, InvalidLink, InvalidPasskey
from webapp.models import Passkey, User
from webapp.one_time_tokens import Purpose
from webapp.outbox import MailKind
from webapp.webauthn_data import client_data, expected, handle_of, known_transports, reading, site_id, to_bytes, to_text

SITE_NAME: Final = "Evergreen"
MOST_PASSKEYS: Final = 20
LONGEST_ID: Final = 1023  # bytes of a credential's id (WebAuthn §7.1)
# Authenticators count with 32 bits, and PostgreSQL's integer has 31 of them. Beyond, the counter no longer tells a
# passkey from its copy, but the passkey still signs in: that is not worth a wider column.
MOST_COUNTED: Final = 2**31 - 1


# --- adding ----------------------------------------------------------------------------------------------


def creation_options(db: DbSession, settings: Settings, *, user_id: int, now: datetime) -> dict[str, Any]:
    """Return what `navigator.credentials.create` needs, as JSON (WebAuthn §5.1.8); commits.

    Raises EmailNotVerified: who signed up with somebody else's address must not keep a way into it."""
    import webauthn  # noqa: PLC0415 - see above
    from webauthn.helpers import options_to_json_dict  # noqa: PLC0415
    from webauthn.helpers.structs import (  # noqa: PLC0415
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    one_time_tokens.lock_owner(db, user_id)  # who is deleted next is so after this
    user = session_state.user_of_session(db, user_id)
    if not user.email_verified:
        raise EmailNotVerified
    known = db.scalars(select(Passkey.credential_id).where(Passkey.user_id == user_id)).all()
    challenge = one_time_tokens.issue(db, Purpose.PASSKEY_CREATION, user_id=user_id, now=now)
    options = webauthn.generate_registration_options(
        rp_id=site_id(settings),
        rp_name=SITE_NAME,
        user_id=handle_of(user_id),
        user_name=user.email,
        user_display_name=f"{user.first_name} {user.last_name}".strip() or user.email,
        challenge=to_bytes(challenge),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=to_bytes(text)) for text in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    db.commit()
    return dict(options_to_json_dict(options))


def add(
    db: DbSession,
    settings: Settings,
    *,
    user_id: int,
    sid: str,
    credential: dict[str, Any],
    name: str,
    client: audit.Client,
    now: datetime,
) -> Passkey:
    """Store the passkey that the browser has made for our options; commits. Return it, detached. Raises InvalidFields,
    and SessionEnded if the session `sid` was ended meanwhile."""
    name = passkeys.checked_name(name)
    session_state.lock_own(db, user_id=user_id, sid=sid)
    if len(passkeys.list_passkeys(db, user_id=user_id)) >= MOST_PASSKEYS:
        raise InvalidFields({"credential": [f"An account has at most {MOST_PASSKEYS} passkeys. Remove one first."]})
    verified = _verified_columns(db, settings, credential, user_id=user_id, now=now)
    passkey = Passkey(user_id=user_id, name=name, created_at=now, **verified)
    db.add(passkey)
    try:
        db.flush()
    except IntegrityError:
        db.rollback()
        raise _not_accepted() from None
    audit.record(db, audit.Kind.PASSKEY_ADDED, client=client, now=now, user_id=user_id, actor_id=user_id, name=name)
    outbox.enqueue(db, MailKind.PASSKEY_ADDED, user_id=user_id, now=now, session_id=sid, passkey=name)
    db.flush()
    db.expunge(passkey)  # what was written stays readable, even if another request removes the row
    db.commit()
    return passkey


def _verified_columns(
    db: DbSession, settings: Settings, credential: dict[str, Any], *, user_id: int, now: datetime
) -> dict[str, Any]:
    """Return what is kept of a new passkey; its challenge is spent. Raises InvalidFields unless it is ours and new."""
    import webauthn  # noqa: PLC0415 - see above

    try:
        said = client_data(settings, credential)
        challenge = one_time_tokens.spend(db, said.challenge, Purpose.PASSKEY_CREATION, now=now)
        if challenge.user_id != user_id:
            raise InvalidLink
        with reading():
            verified = webauthn.verify_registration_response(**expected(settings, credential, said))
        if len(verified.credential_id) > LONGEST_ID:
            raise ValueError("no id is that long")
    except (InvalidLink, ValueError):
        raise _not_accepted() from None
    return {
        "credential_id": to_text(verified.credential_id),
        "public_key": verified.credential_public_key,
        "sign_count": min(verified.sign_count, MOST_COUNTED),
        "transports": known_transports(credential),
    }


def _not_accepted() -> InvalidFields:
    return InvalidFields({"credential": ["This passkey was not accepted. Try again."]})


# --- signing in ------------------------------------------------------------------------------------------


def request_options(db: DbSession, settings: Settings, *, now: datetime) -> dict[str, Any]:
    """Return what `navigator.credentials.get` needs, as JSON, for whichever passkey its owner chooses; commits."""
    import webauthn  # noqa: PLC0415 - see above
    from webauthn.helpers import options_to_json_dict  # noqa: PLC0415
    from webauthn.helpers.structs import UserVerificationRequirement  # noqa: PLC0415

    challenge = one_time_tokens.issue(db, Purpose.PASSKEY_SIGN_IN, user_id=None, now=now)
    options = webauthn.generate_authentication_options(
        rp_id=site_id(settings),
        challenge=to_bytes(challenge),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    db.commit()
    return dict(options_to_json_dict(options))


def authenticate(
    db: DbSession, settings: Settings, *, credential: dict[str, Any], client: audit.Client, now: datetime
) -> int:
    """Return whose passkey has signed our challenge; the caller opens the session and commits.

    The device has asked for a finger, a face or a PIN, so a passkey is both factors. Raises InvalidPasskey."""
    import webauthn  # noqa: PLC0415 - see above

    passkey = None
    try:
        said = client_data(settings, credential)
        one_time_tokens.spend(db, said.challenge, Purpose.PASSKEY_SIGN_IN, now=now)
        which = Passkey.credential_id == str(credential.get("id"))
        # Locked until the session is open: who takes the passkey away, or lets its owner in no more, finds it.
        one_time_tokens.lock_owner(db, select(Passkey.user_id).where(which).scalar_subquery())
        passkey = db.scalar(select(Passkey).join(User).where(which, User.is_active).with_for_update(of=Passkey))
        if passkey is None:
            raise InvalidLink
        with reading():
            verified = webauthn.verify_authentication_response(
                **expected(settings, credential, said),
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
            )
            handle = credential["response"].get("userHandle")
            if handle and to_bytes(handle) != handle_of(passkey.user_id):
                raise InvalidLink
    except (InvalidLink, ValueError):
        user_id = passkey.user_id if passkey else None
        audit.record(db, audit.Kind.SIGN_IN_FAILED, client=client, now=now, user_id=user_id, door="passkey")
        # Committed here: the challenge stays used, and the failure counted.
        db.commit()
        raise InvalidPasskey from None
    values = {"sign_count": min(verified.new_sign_count, MOST_COUNTED), "last_used_at": now}
    db.execute(update(Passkey).where(Passkey.id == passkey.id).values(**values))
    return passkey.user_id
