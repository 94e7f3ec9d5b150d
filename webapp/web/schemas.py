"""The shapes of the JSON API, bodies and answers: as long as there are shapes.

Unknown fields are refused; strings are taken as they are, numbers never for strings."""

from datetime import datetime
from typing import Annotated, Any, Self

from flask import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema

from webapp import passwords
from webapp.config import Transport
from webapp.models import EMAIL_LENGTH, NAME_LENGTH
from webapp.text import INVISIBLE, is_one_line


def _one_line(text: str) -> str:
    if not is_one_line(text):
        raise ValueError("Remove the characters that cannot be seen.")
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=NAME_LENGTH),
    AfterValidator(_one_line),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": NAME_LENGTH,
            "pattern": f"^[^{INVISIBLE}]*$",
            "description": "Characters that cannot be seen are refused.",
        }
    ),
]

Email = Annotated[str, StringConstraints(min_length=1, max_length=EMAIL_LENGTH)]
NewEmail = Annotated[Email, WithJsonSchema({"type": "string", "format": "email", "maxLength": EMAIL_LENGTH})]
Password = Annotated[str, StringConstraints(min_length=1, max_length=passwords.MAX_LENGTH)]
# Its length is the policy's matter, which says so in words; this only bounds what is looked at.
NewPassword = Annotated[
    str,
    StringConstraints(max_length=8 * passwords.MAX_LENGTH),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 8,
            "maxLength": passwords.MAX_LENGTH,
            "description": "What is easily guessed is refused.",
        }
    ),
]
Code = Annotated[str, StringConstraints(max_length=64)]


class RequestBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LoginBody(RequestBody):
    email: Email
    password: Password
    transport: Transport | None = None
    remember: bool = True
    code: Code | None = None


class RegisterBody(RequestBody):
    email: NewEmail
    password: NewPassword
    first_name: Name = ""
    last_name: Name = ""


class TokenBody(RequestBody):
    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ForgotBody(RequestBody):
    email: Email


class ResetBody(TokenBody):
    password: NewPassword
    remove_passkeys: bool = False


class PasswordProofBody(RequestBody):
    password: Password


class PasswordChangeBody(RequestBody):
    current_password: Password
    new_password: NewPassword


class EmailChangeBody(PasswordProofBody):
    email: NewEmail


class CodeBody(RequestBody):
    code: Code


class PasskeyNameBody(RequestBody):
    name: Annotated[str, StringConstraints(max_length=NAME_LENGTH)]


class PasskeyBody(PasskeyNameBody):
    """A `PublicKeyCredential` as its `toJSON()` gives it (WebAuthn level 3, §5.1), and what to call it."""

    credential: dict[str, Any]


class PasskeySignInBody(RequestBody):
    credential: dict[str, Any]
    transport: Transport | None = None
    remember: bool = True


class RefreshBody(RequestBody):
    refresh_token: Annotated[str, StringConstraints(max_length=8192)] | None = None


def _drop_default(schema: dict[str, Any]) -> None:
    """Leave out what has no meaning here: a name that is not sent stays as it was."""
    del schema["default"]


class ProfileBody(RequestBody):
    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    first_name: Name = Field("", json_schema_extra=_drop_default)
    last_name: Name = Field("", json_schema_extra=_drop_default)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("Give first_name, last_name or both.")
        return self


class PageQuery(BaseModel):
    model_config = ConfigDict(frozen=True)

    page: int = Field(1, ge=1, le=1_000_000)
    per_page: int = Field(20, ge=1, le=100)


class Answer(BaseModel):
    # What has a default is sent all the same, so the description may promise it.
    model_config = ConfigDict(from_attributes=True, json_schema_serialization_defaults_required=True)

    def respond(self, status: int = 200, *, without_none: bool = False) -> Response:
        body = self.model_dump_json(exclude_none=without_none) + "\n"  # a line of its own, for curl
        return Response(body, status, mimetype="application/json")


class UserAnswer(Answer):
    id: int
    email: str
    first_name: str
    last_name: str
    email_verified: bool


class NoticeAnswer(Answer):
    """What was begun, in a sentence for people."""

    detail: str


class EnrolmentAnswer(Answer):
    secret: str
    otpauth_uri: str


class RecoveryCodesAnswer(Answer):
    recovery_codes: list[str]


class TokenAnswer(Answer):
    """RFC 6749 §5.1, and the user; `refresh_token` only where one travels in the body."""

    access_token: str
    refresh_token: str | SkipJsonSchema[None] = Field(exclude_if=lambda token: token is None)
    token_type: str = "bearer"  # noqa: S105 - the name of a scheme
    expires_in: int
    user: UserAnswer


class DeviceAnswer(Answer):
    id: str
    device: str
    browser: str
    system: str
    address: str
    place: str
    activity: str
    transport: Transport
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool


class DevicesAnswer(Answer):
    items: list[DeviceAnswer]


class PasskeyAnswer(Answer):
    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


class PasskeysAnswer(Answer):
    items: list[PasskeyAnswer]


class ProductAnswer(Answer):
    id: int
    name: str
    description: str
    price_cents: int
    currency: str


class ProductsAnswer(Answer):
    items: list[ProductAnswer]
    page: int
    per_page: int
    total: int
