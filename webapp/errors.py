"""What can go wrong, as classes: each owns its stable code, its title and its HTTP status (RFC 9457)."""

from typing import ClassVar


class AppError(Exception):
    """Base of every refusal that a caller may see; `detail` is a sentence for people, never exception text."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"
    status: ClassVar[int] = 500
    # What an OAuth client is told instead (RFC 6749 §5.2); None where the HTTP status says it all.
    oauth_error: ClassVar[str | None] = None
    oauth_status: ClassVar[int] = 400

    def __init__(self, detail: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or f"{self.title}."
        self.retry_after = retry_after


# --- What was asked is not well formed -------------------------------------------------------------


class BadRequest(AppError):
    code, title, status = "bad_request", "The request is malformed", 400
    oauth_error = "invalid_request"


class MalformedJson(BadRequest):
    code, title = "malformed_json", "The body is not a JSON object we accept"


class AmbiguousCredentials(BadRequest):
    code, title = "ambiguous_credentials", "More than one credential was sent"


class UnsupportedGrantType(BadRequest):
    code, title = "unsupported_grant_type", "The only grant_type accepted here is refresh_token"
    oauth_error = "unsupported_grant_type"


class UnsupportedMediaType(AppError):
    code, title, status = "unsupported_media_type", "The content type is not supported", 415


class InvalidFields(AppError):
    """Well-formed input with wrong values; `errors` maps a field's name to its messages."""

    code, title, status = "invalid_fields", "Some fields are not valid", 422

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("Correct the fields named in `errors`.")
        self.errors = errors


class InvalidQuery(InvalidFields):
    code, title, status = "invalid_query", "The query string is not valid", 400


class InvalidLink(BadRequest):
    """A one-time token is unknown, used, replaced by a newer one, or too old."""

    code, title = "invalid_link", "This link does not work any more"

    def __init__(self, detail: str = "It works once and for a limited time, and a newer one takes its place.") -> None:
        super().__init__(detail)


class LinkOfOtherAddress(InvalidLink):
    """A link was sent to an address that the account does not have any more."""


class NotFound(AppError):
    code, title, status = "not_found", "There is nothing here", 404


# --- Who is asking -----------------------------------------------------------------------------------


class Unauthorized(AppError):
    """A 401; `challenge` is the value of its WWW-Authenticate header (RFC 6750 §3)."""

    challenge: ClassVar[str] = "Bearer"
    status = 401
    oauth_error = "invalid_grant"


class MissingToken(Unauthorized):
    code, title = "missing_token", "Sign in first"
    oauth_error = "invalid_request"


class InvalidCredentials(Unauthorized):
    code, title = "invalid_credentials", "Email or password is incorrect"


class MfaRequired(Unauthorized):
    code, title = "mfa_required", "A code for two-step sign-in is needed"


class InvalidCode(Unauthorized):
    code, title = "invalid_code", "The code is not right, or was used already"


class InvalidPasskey(Unauthorized):
    code, title = "invalid_passkey", "The passkey was not accepted"


class InvalidToken(Unauthorized):
    code, title = "invalid_token", "The token is not valid"
    challenge = 'Bearer error="invalid_token"'


class TokenExpired(InvalidToken):
    code, title = "token_expired", "The token has expired"


class SessionEnded(InvalidToken):
    """The session was revoked, has expired, is unknown, or its user may no longer sign in.

    `reason` is one of `revocation.EndReason`, or None where the row says nothing."""

    code, title = "session_ended", "The session has ended"

    def __init__(self, reason: str | None = None) -> None:
        super().__init__()
        self.reason = reason


class TokenReused(SessionEnded):
    code, title = "token_reused", "A superseded refresh token was used; the session was ended"


class InvalidClient(Unauthorized):
    """A service that asks about tokens has not said who it is (RFC 6749 §5.2)."""

    code, title = "invalid_client", "The service's name or secret is not right"
    challenge = 'Basic realm="introspection"'
    oauth_error, oauth_status = "invalid_client", 401


class CrossOrigin(AppError):
    code, title, status = "cross_origin", "This is accepted from our own or an allowed origin only", 403


class ReauthenticationRequired(AppError):
    code, title, status = "reauthentication_required", "Prove again that it is you", 403


class NotAdministrator(AppError):
    code, title, status = "not_administrator", "This page is for administrators", 403


class EmailNotVerified(AppError):
    code, title, status = "email_not_verified", "Confirm your e-mail address first", 403


# --- Not as things are ---------------------------------------------------------------------------------


class SecondFactorState(AppError):
    code, title, status = "second_factor_state", "Two-step sign-in is not in the state that this needs", 409


class LastAdministrator(AppError):
    code, title, status = "last_administrator", "The last administrator has to stay one", 409


class AddressTaken(AppError):
    code, title, status = "address_taken", "That address has an account already", 409


# --- Not now -------------------------------------------------------------------------------------------


class TooManyAttempts(AppError):
    """A limit was exceeded; `retry_after` is in seconds."""

    code, title, status = "too_many_attempts", "Too many attempts", 429

    def __init__(self, *, retry_after: int) -> None:
        minutes = -(-retry_after // 60)
        wait = f"{minutes} minutes" if minutes > 1 else "a minute"
        super().__init__(f"Wait {wait}, then try again.", retry_after=retry_after)


class TooBusy(AppError):
    code, title, status = "too_busy", "Too many people are signing in at this moment", 503


class DatabaseUnavailable(AppError):
    code, title, status = "database_unavailable", "The database cannot be reached at the moment", 503


# --- What an operator asked for on the command line ----------------------------------------------------


class InvalidAddress(AppError):
    code, title, status = "invalid_address", "That is not an e-mail address", 422
