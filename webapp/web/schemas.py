"""What the JSON API is sent: the shape of each body and query.

Unknown fields are refused; strings are taken as they are, numbers never for strings."""

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from webapp import passwords
from webapp.config import Transport
from webapp.models import EMAIL_LENGTH, NAME_LENGTH
from webapp.text import INVISIBLE, is_one_line
from webapp.web.context import settings


def _one_line(text: str) -> str:
    if not is_one_line(text):
        raise ValueError("Remove the characters that cannot be seen.")
    return text


Name = Annotated[
    str,
    StringConstraints(max_length=NAME_LENGTH),
    AfterValidator(_one_line),
    AfterValidator(str.strip),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": NAME_LENGTH,
            "pattern": f"^[^{INVISIBLE}]*$",
            "description": "Characters that cannot be seen are refused.",
        }
    ),
]


def _say_shortest(schema: dict[str, Any]) -> None:
    schema["minLength"] = settings().password_min_length


def _say_allowed(schema: dict[str, Any]) -> None:
    schema["anyOf"][0]["enum"] = list(settings().refresh_token_transports)


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
            "maxLength": passwords.MAX_LENGTH,
            "description": "What is easily guessed is refused.",
        }
    ),
    Field(json_schema_extra=_say_shortest),
]
Code = Annotated[str, StringConstraints(max_length=64)]
# The description has those that may be chosen here; `signing_in.choose_transport` refuses the others.
ChosenTransport = Annotated[Transport | None, Field(json_schema_extra=_say_allowed)]


class RequestBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LoginBody(RequestBody):
    email: Email
    password: Password
    transport: ChosenTransport = None
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
    transport: ChosenTransport = None
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


def _digits(text: str) -> str:
    """Refuse what Python takes for a number besides: 1_0, 1.0, +1, digits of other scripts."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError("Write it in digits alone.")
    return text


Number = Annotated[int, BeforeValidator(_digits)]


class PageQuery(BaseModel):
    model_config = ConfigDict(frozen=True)

    page: Number = Field(1, ge=1, le=1_000_000)
    per_page: Number = Field(20, ge=1, le=100)
