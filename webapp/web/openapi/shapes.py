"""Shapes that only the description needs: answers that other parts put together, and what is read without a model.

Longer than other files, since so many answers are of that kind."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from webapp.config import Transport


def _is_none(value: object) -> bool:
    return value is None


class Problem(BaseModel):
    """RFC 9457. `code` is stable, `detail` is for people, `errors` maps a field's name to what is wrong with it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: dict[str, list[str]] | SkipJsonSchema[None] = Field(exclude_if=_is_none)


class OAuthError(BaseModel):
    """RFC 6749 §5.2: what who sends a form is told."""

    error: Literal["invalid_request", "invalid_grant", "invalid_client", "unsupported_grant_type"]
    error_description: str


class RefreshForm(BaseModel):
    """RFC 6749 §6. The refresh token may come by the cookie or as Bearer instead; other parameters are ignored."""

    model_config = ConfigDict(extra="allow")

    grant_type: Literal["refresh_token"]
    refresh_token: str = ""


class IntrospectionForm(BaseModel):
    """RFC 7662 §2.1; other parameters are ignored."""

    model_config = ConfigDict(extra="allow")

    token: str = Field(min_length=1)


class IntrospectionAnswer(BaseModel):
    """RFC 7662 §2.2. Of a token that opens nothing, or nothing any more, `active` is all that is said."""

    active: bool
    token_type: Literal["Bearer"] | SkipJsonSchema[None] = Field(exclude_if=_is_none)
    iss: str | SkipJsonSchema[None] = Field(exclude_if=_is_none)
    aud: str | SkipJsonSchema[None] = Field(exclude_if=_is_none)
    sub: str | SkipJsonSchema[None] = Field(exclude_if=_is_none)
    username: str | SkipJsonSchema[None] = Field(exclude_if=_is_none)
    sid: str | SkipJsonSchema[None] = Field(exclude_if=_is_none)
    iat: int | SkipJsonSchema[None] = Field(exclude_if=_is_none)
    exp: int | SkipJsonSchema[None] = Field(exclude_if=_is_none)
    auth_time: int | SkipJsonSchema[None] = Field(exclude_if=_is_none)


# --- the service -----------------------------------------------------------------------------------------


class LivenessAnswer(BaseModel):
    status: Literal["ok"]


class ReadinessAnswer(BaseModel):
    status: Literal["ready"]


class PublicKey(BaseModel):
    """A JWK (RFC 7517 §4) of Ed25519 or, with `y`, of P-256."""

    kty: Literal["OKP", "EC"]
    crv: Literal["Ed25519", "P-256"]
    x: str
    y: str | SkipJsonSchema[None] = Field(exclude_if=_is_none)
    kid: str
    alg: Literal["EdDSA", "ES256"]
    use: Literal["sig"]


class PublicKeys(BaseModel):
    keys: list[PublicKey]


# --- passkeys --------------------------------------------------------------------------------------------


class CreationOptions(BaseModel):
    """`PublicKeyCredentialCreationOptionsJSON` (WebAuthn level 3, §5.1.8)."""

    rp: dict[str, Any]
    user: dict[str, Any]
    challenge: str
    pubKeyCredParams: list[dict[str, Any]]  # noqa: N815 - the standard's name
    timeout: int
    excludeCredentials: list[dict[str, Any]]  # noqa: N815
    authenticatorSelection: dict[str, Any]  # noqa: N815
    attestation: str


class RequestOptions(BaseModel):
    """`PublicKeyCredentialRequestOptionsJSON` (WebAuthn level 3, §5.1.8)."""

    challenge: str
    timeout: int
    rpId: str  # noqa: N815
    allowCredentials: list[dict[str, Any]]  # noqa: N815
    userVerification: str  # noqa: N815


# --- what is kept about a user (personal_data.py) ----------------------------------------------------------


class ProfileData(BaseModel):
    id: int
    email: str
    first_name: str
    last_name: str
    email_verified: bool
    is_admin: bool
    is_active: bool
    created_at: datetime
    failed_sign_ins: int
    devices_forgotten_at: datetime | None
    second_factor_since: datetime | None
    recovery_codes_left: int


class SessionData(BaseModel):
    device: str
    id: str
    transport: Transport
    remember: bool
    generation: int
    created_at: datetime
    authenticated_at: datetime
    confirmed_at: datetime
    last_seen_at: datetime
    refreshed_at: datetime | None
    refresh_expires_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoked_reason: str | None
    user_agent: str
    ip: str
    activity: str


class RefreshData(BaseModel):
    session_id: str
    at: datetime
    method: Literal["silent", "manual"]
    generation: int


class PasskeyData(BaseModel):
    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None
    credential_id: str
    transports: list[str]
    sign_count: int


class RecoveryCodeData(BaseModel):
    made_at: datetime | None


class OneTimeTokenData(BaseModel):
    purpose: str
    email: str | None
    session_id: str | None
    since: datetime | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class MailData(BaseModel):
    kind: str
    detail: dict[str, Any]
    created_at: datetime
    next_attempt_at: datetime
    attempts: int
    last_error: str
    failed_at: datetime | None


class EventData(BaseModel):
    id: int
    at: datetime
    kind: str
    user_id: int | None
    by: Literal["you", "somebody_else"] | None
    session_id: str | None
    ip: str
    user_agent: str
    request_id: str
    detail: dict[str, Any]


class PersonalData(BaseModel):
    """No secret and no hash of one is among it."""

    exported_at: datetime
    profile: ProfileData
    sessions: list[SessionData]
    refreshes: list[RefreshData]
    passkeys: list[PasskeyData]
    recovery_codes: list[RecoveryCodeData]
    one_time_tokens: list[OneTimeTokenData]
    mails: list[MailData]
    events: list[EventData]
