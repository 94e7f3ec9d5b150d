"""What an administrator can do to an account from its page: what each is called, what it means, and who does it."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from webapp import administration, administrators, throttle
from webapp.models import Passkey, User


class Act(NamedTuple):
    """One act: its button, what the page before it says, what is said afterwards, whether the address has to be typed
    to confirm it, whom it is for (a user, with these passkeys), and the use case, which takes
    `db, *, user_id, actor_id, client, now` and returns False if there was nothing to do."""

    label: str
    meaning: str
    done: str
    is_typed: bool
    is_for: Callable[[User, Sequence[Passkey]], bool]
    perform: Callable[..., Any]


ACTS: Final = {
    "end-sessions": Act(
        "End all sessions",
        "Every device is signed out at its next request. The password stays as it is.",
        "All sessions are ended.",
        False,
        lambda user, _: user.is_active,
        administration.end_all_sessions,
    ),
    "reset-password": Act(
        "Send a reset link",
        "The owner of the address is mailed a link that sets a new password. Nobody else sees it.",
        "The link is on its way.",
        False,
        lambda user, _: user.is_active,
        administration.start_reset,
    ),
    "unlock": Act(
        "Let new devices in",
        "A hundred sign-ins in a row have failed, so that no new device gets in until the password is set anew.",
        "New devices are let in again.",
        False,
        lambda user, _: user.failed_sign_ins >= throttle.FAILURES_IN_A_ROW,
        administration.unlock,
    ),
    "remove-second-factor": Act(
        "Turn two-step sign-in off, remove passkeys",
        "Two-step sign-in, recovery codes and all passkeys are taken away: the password alone signs in then. Be sure "
        "that it is the owner who asks for it.",
        "Two-step sign-in is off, and the passkeys are removed.",
        True,
        lambda user, passkeys: user.totp_enabled_at is not None or bool(passkeys),
        administration.remove_second_factor,
    ),
    "promote": Act(
        "Make an administrator",
        "Administrators see every account, session and event, and can do all that is on these pages.",
        "This user is an administrator now.",
        True,
        lambda user, _: not user.is_admin and user.is_active,
        administrators.promote,
    ),
    "demote": Act(
        "Take administration away",
        "These pages are closed to the user from the next request on.",
        "This user is no administrator any more.",
        True,
        lambda user, _: user.is_admin,
        administrators.demote,
    ),
    "activate": Act(
        "Activate",
        "The user can sign in again.",
        "The account is active again.",
        False,
        lambda user, _: not user.is_active,
        administrators.activate,
    ),
    "deactivate": Act(
        "Deactivate",
        "Every session ends, and nobody can sign in to the account until it is activated again. Nothing is deleted.",
        "The account is deactivated.",
        True,
        lambda user, _: user.is_active,
        administrators.deactivate,
    ),
}
