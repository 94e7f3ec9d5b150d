"""What each call of the API takes and answers: the table that the OpenAPI document is made from.

As long as there are calls. Whoever adds a route for programs adds it here: tests/web/test_openapi.py compares the table
with the address map."""

from collections.abc import Mapping
from typing import Final

from spectree import Tag

from webapp.errors import (
    AddressTaken,
    AmbiguousCredentials,
    BadRequest,
    CrossOrigin,
    EmailNotVerified,
    InvalidCode,
    InvalidCredentials,
    InvalidLink,
    InvalidPasskey,
    InvalidToken,
    LastAdministrator,
    MfaRequired,
    NotFound,
    ReauthenticationRequired,
    SecondFactorState,
    TokenReused,
    TooBusy,
    TooManyAttempts,
)
from webapp.web import answers, schemas
from webapp.web.openapi.operation import Errors, Operation
from webapp.web.openapi.shapes import (
    CreationOptions,
    IntrospectionAnswer,
    IntrospectionForm,
    LivenessAnswer,
    PersonalData,
    PublicKeys,
    ReadinessAnswer,
    RefreshForm,
    RequestOptions,
)

SIGNING_IN: Final = Tag(name="Signing in", description="Getting tokens, renewing them, and signing out.")
REGISTRATION: Final = Tag(name="Signing up", description="New accounts, and the way back into old ones.")
ACCOUNT: Final = Tag(name="Account", description="The user who is signed in.")
SECOND_FACTOR: Final = Tag(name="Second factor", description="Codes by time (TOTP) and recovery codes.")
PASSKEYS: Final = Tag(name="Passkeys", description="For scripts in a browser (WebAuthn level 3).")
SESSIONS: Final = Tag(name="Sessions", description="The devices on which the user is signed in.")
PRODUCTS: Final = Tag(name="Products", description="The example of a protected resource.")
SERVICE: Final = Tag(name="Service", description="For monitors, and for services that verify access tokens.")

OF_PASSWORDS: Final[Errors] = (TooManyAttempts, TooBusy)
OF_CEREMONIES: Final[Errors] = (CrossOrigin, TooManyAttempts)
_FRESH = "The sign-in must not be older than 15 minutes: else 403, and `POST /api/me/reauthenticate` makes it so."

OPERATIONS: Final[Mapping[str, Operation]] = {
    # --- signing in ----------------------------------------------------------------------------------------
    "POST /api/login": Operation(
        "login",
        SIGNING_IN,
        "Sign in",
        "Opens a session and answers with its tokens. With `transport: cookie` the refresh token goes into an httpOnly "
        "cookie and nowhere else; with `body` it is in the answer, and no cookie is set. Left out, pages of our own "
        "origin get the cookie and everyone else the body, where this server allows both. "
        "`mfa_required` asks for the same call with a `code`.",
        access="nothing",
        body=schemas.LoginBody,
        answers={200: answers.TokenAnswer},
        errors=(InvalidCredentials, MfaRequired, InvalidCode, CrossOrigin, *OF_PASSWORDS),
        sets_cookie=True,
    ),
    "POST /api/login/passkey/options": Operation(
        "passkeySignInOptions",
        PASSKEYS,
        "Ask for a challenge to sign in with",
        "For `navigator.credentials.get()`, by `PublicKeyCredential.parseRequestOptionsFromJSON()`. It works once, for "
        "five minutes.",
        access="nothing",
        answers={200: RequestOptions},
        errors=OF_CEREMONIES,
    ),
    "POST /api/login/passkey": Operation(
        "passkeySignIn",
        PASSKEYS,
        "Sign in with a passkey",
        "Takes what `navigator.credentials.get()` gave. A passkey is both factors, so no code is asked for.",
        access="nothing",
        body=schemas.PasskeySignInBody,
        answers={200: answers.TokenAnswer},
        errors=(InvalidPasskey, *OF_CEREMONIES),
        sets_cookie=True,
    ),
    "POST /api/refresh": Operation(
        "refresh",
        SIGNING_IN,
        "Get a new access token",
        "The refresh token comes by the cookie, as Bearer, or in the body. By cookie and by body it is followed by a "
        "successor each time; as Bearer only when it has grown old, and a client that ignores the successor keeps "
        "working. An access token of the same session as Bearer beside it is ignored; alone it refreshes nothing. A "
        "form is answered as RFC 6749 has it, errors too, so that OAuth clients work unchanged.",
        access="refresh",
        body=schemas.RefreshBody,
        is_body_required=False,
        form=RefreshForm,
        answers={200: answers.TokenAnswer},
        errors=(AmbiguousCredentials, CrossOrigin, TokenReused),
        sets_cookie=True,
    ),
    "POST /api/introspect": Operation(
        "introspect",
        SIGNING_IN,
        "Ask whether an access token is good",
        "For other services that are given our access tokens (RFC 7662): what the session's row says at this moment, "
        "so that a sign-out is known with the next question. A service says who it is by HTTP Basic; the operator "
        "lists its name and secret in `INTROSPECTION_CLIENTS`.",
        access="client",
        form=IntrospectionForm,
        answers={200: IntrospectionAnswer},
        errors=(BadRequest,),
    ),
    "POST /api/logout": Operation(
        "logout",
        SIGNING_IN,
        "Sign out",
        "Ends the session of every token that is sent: access token or refresh token, expired or not. Ending what has "
        "ended is no error, nor is sending nothing.",
        access="any",
        body=schemas.RefreshBody,
        is_body_required=False,
        errors=(InvalidToken, CrossOrigin),
        sets_cookie=True,
    ),
    # --- signing up ----------------------------------------------------------------------------------------
    "POST /api/register": Operation(
        "register",
        REGISTRATION,
        "Sign up",
        "The answer is the same for an address that has an account; only the mail differs.",
        access="nothing",
        body=schemas.RegisterBody,
        answers={202: answers.NoticeAnswer},
        notice=answers.SIGNED_UP,
        errors=(CrossOrigin, *OF_PASSWORDS),
    ),
    "POST /api/email/verify": Operation(
        "verifyEmail",
        REGISTRATION,
        "Confirm an address",
        "Takes the token of the link that was mailed.",
        access="nothing",
        body=schemas.TokenBody,
        errors=(InvalidLink, AddressTaken),
    ),
    "POST /api/email/resend": Operation(
        "resendLink",
        REGISTRATION,
        "Have the link mailed again",
        answers={202: answers.NoticeAnswer},
        notice=answers.LINK_RESENT,
        errors=(TooManyAttempts,),
    ),
    "POST /api/password/forgot": Operation(
        "forgotPassword",
        REGISTRATION,
        "Ask for a link to set a new password",
        "The answer is the same for an address that has no account.",
        access="nothing",
        body=schemas.ForgotBody,
        answers={202: answers.NoticeAnswer},
        notice=answers.RESET_ASKED,
        errors=(CrossOrigin, TooManyAttempts),
    ),
    "POST /api/password/reset": Operation(
        "resetPassword",
        REGISTRATION,
        "Set a new password",
        "Takes the token of the link that was mailed. Every session ends; nobody is signed in by it.",
        access="nothing",
        body=schemas.ResetBody,
        errors=(InvalidLink, TooBusy),
    ),
    # --- the account ---------------------------------------------------------------------------------------
    "GET /api/me": Operation("showMe", ACCOUNT, "Show the user", answers={200: answers.UserAnswer}),
    "PATCH /api/me": Operation(
        "updateMe",
        ACCOUNT,
        "Change the user's names",
        "A name that is left out stays.",
        body=schemas.ProfileBody,
        answers={200: answers.UserAnswer},
    ),
    "DELETE /api/me": Operation(
        "closeAccount",
        ACCOUNT,
        "Delete the account",
        "Its sessions end with it. The last administrator has to stay.",
        body=schemas.PasswordProofBody,
        errors=(LastAdministrator, *OF_PASSWORDS),
        sets_cookie=True,
        renews=False,
    ),
    "POST /api/me/password": Operation(
        "changePassword",
        ACCOUNT,
        "Change the password",
        "Every other session ends, and devices are forgotten; a browser that keeps our cookies stays known.",
        body=schemas.PasswordChangeBody,
        errors=OF_PASSWORDS,
        sets_cookie=True,
        renews=False,
    ),
    "POST /api/me/email": Operation(
        "changeEmail",
        ACCOUNT,
        "Change the address",
        "A link is mailed to the new address, a notice to the old one, which stays until the link is opened.",
        body=schemas.EmailChangeBody,
        answers={202: answers.NoticeAnswer},
        notice=answers.ADDRESS_ASKED,
        errors=OF_PASSWORDS,
    ),
    "POST /api/me/reauthenticate": Operation(
        "reauthenticate",
        ACCOUNT,
        "Prove again that it is you",
        "Makes the sign-in fresh for 15 minutes, which the risky calls ask for.",
        body=schemas.PasswordProofBody,
        errors=OF_PASSWORDS,
    ),
    "GET /api/me/data": Operation(
        "exportData",
        ACCOUNT,
        "Everything that is kept about the user",
        "But for secrets and their hashes. The newest rows come first. In events that somebody else caused, `ip`, "
        "`user_agent` and `request_id` are empty; of what the user did to others, their number alone is told. Ten "
        f"times an hour. {_FRESH}",
        answers={200: PersonalData},
        errors=(ReauthenticationRequired, TooManyAttempts),
    ),
    # --- second factor -------------------------------------------------------------------------------------
    "POST /api/me/totp": Operation(
        "beginTotp",
        SECOND_FACTOR,
        "Begin to set up codes by time",
        f"The secret counts once its first code has been shown. {_FRESH}",
        answers={200: answers.EnrolmentAnswer},
        errors=(ReauthenticationRequired, EmailNotVerified, SecondFactorState),
    ),
    "POST /api/me/totp/confirm": Operation(
        "confirmTotp",
        SECOND_FACTOR,
        "Turn codes by time on",
        f"Every other session ends. The recovery codes are shown this once. {_FRESH}",
        body=schemas.CodeBody,
        answers={200: answers.RecoveryCodesAnswer},
        errors=(ReauthenticationRequired, SecondFactorState, *OF_PASSWORDS),
    ),
    "DELETE /api/me/totp": Operation(
        "removeTotp",
        SECOND_FACTOR,
        "Turn codes by time off",
        body=schemas.PasswordProofBody,
        errors=(SecondFactorState, *OF_PASSWORDS),
    ),
    "POST /api/me/recovery-codes": Operation(
        "renewRecoveryCodes",
        SECOND_FACTOR,
        "Get ten new recovery codes",
        f"The old ones open nothing any more. {_FRESH}",
        answers={200: answers.RecoveryCodesAnswer},
        errors=(ReauthenticationRequired, SecondFactorState, TooBusy),
    ),
    # --- passkeys ------------------------------------------------------------------------------------------
    "GET /api/passkeys": Operation(
        "listPasskeys", PASSKEYS, "List the user's passkeys", answers={200: answers.PasskeysAnswer}
    ),
    "POST /api/passkeys/options": Operation(
        "passkeyCreationOptions",
        PASSKEYS,
        "Ask for a challenge to make a passkey with",
        "For `navigator.credentials.create()`, by `PublicKeyCredential.parseCreationOptionsFromJSON()`. It works once, "
        f"for five minutes. {_FRESH}",
        answers={200: CreationOptions},
        errors=(ReauthenticationRequired, EmailNotVerified),
    ),
    "POST /api/passkeys": Operation(
        "addPasskey",
        PASSKEYS,
        "Add a passkey",
        f"Takes what `navigator.credentials.create()` gave. {_FRESH}",
        body=schemas.PasskeyBody,
        answers={201: answers.PasskeyAnswer},
        errors=(ReauthenticationRequired,),
    ),
    "PATCH /api/passkeys/<row_id:passkey_id>": Operation(
        "renamePasskey",
        PASSKEYS,
        "Give a passkey another name",
        body=schemas.PasskeyNameBody,
        answers={200: answers.PasskeyAnswer},
        errors=(NotFound,),
    ),
    "DELETE /api/passkeys/<row_id:passkey_id>": Operation(
        "removePasskey", PASSKEYS, "Remove a passkey", _FRESH, errors=(ReauthenticationRequired, NotFound)
    ),
    # --- sessions and products -----------------------------------------------------------------------------
    "GET /api/sessions": Operation(
        "listSessions", SESSIONS, "List the user's live sessions", answers={200: answers.DevicesAnswer}
    ),
    "DELETE /api/sessions/<session_id:sid>": Operation(
        "endSession",
        SESSIONS,
        "End a session",
        f"Its tokens are refused at their next request. Of another session than this one: {_FRESH[:1].lower()}"
        f"{_FRESH[1:]}",
        errors=(ReauthenticationRequired, NotFound),
        sets_cookie=True,
    ),
    "DELETE /api/sessions": Operation(
        "endOtherSessions",
        SESSIONS,
        "End all sessions but this one",
        _FRESH,
        errors=(ReauthenticationRequired,),
    ),
    "GET /api/products": Operation(
        "listProducts",
        PRODUCTS,
        "List the products",
        "A page past the last one is empty.",
        query=schemas.PageQuery,
        answers={200: answers.ProductsAnswer},
    ),
    # --- the service ---------------------------------------------------------------------------------------
    "GET /healthz": Operation(
        "showLiveness",
        SERVICE,
        "Ask whether the service is alive",
        "The database is not asked.",
        access="nothing",
        answers={200: LivenessAnswer},
        asks_database=False,
    ),
    "GET /readyz": Operation(
        "showReadiness",
        SERVICE,
        "Ask whether the service can work",
        "503 while the database cannot be reached.",
        access="nothing",
        answers={200: ReadinessAnswer},
    ),
    "GET /.well-known/jwks.json": Operation(
        "listPublicKeys",
        SERVICE,
        "List the keys that verify access tokens",
        "A JWK set (RFC 7517 §5), which may be stored for five minutes; empty without `JWT_SIGNING_KEY`, since then "
        "the key is a secret.",
        access="nothing",
        answers={200: PublicKeys},
        asks_database=False,
    ),
}
