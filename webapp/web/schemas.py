"""The shapes of the JSON API. Unknown fields are refused; strings are taken as they are, numbers never for strings."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from webapp import passwords
from webapp.config import Transport
from webapp.models import EMAIL_LENGTH, NAME_LENGTH
from webapp.text import is_one_line


def _one_line(text: str) -> str:
    if not is_one_line(text):
        raise ValueError("Remove the characters that cannot be seen.")
    return text


Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=NAME_LENGTH), AfterValidator(_one_line)]


class RequestBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LoginBody(RequestBody):
    email: Annotated[str, StringConstraints(min_length=1, max_length=EMAIL_LENGTH)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=passwords.MAX_LENGTH)]
    transport: Transport | None = None
    remember: bool = True
    code: Annotated[str, StringConstraints(max_length=64)] | None = None


class RefreshBody(RequestBody):
    refresh_token: Annotated[str, StringConstraints(max_length=8192)] | None = None


class ProfileBody(RequestBody):
    first_name: Name | None = None
    last_name: Name | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set or None in (getattr(self, name) for name in self.model_fields_set):
            raise ValueError("Give first_name, last_name or both, each as a string.")
        return self


class PageQuery(BaseModel):
    model_config = ConfigDict(frozen=True)

    page: int = Field(1, ge=1, le=1_000_000)
    per_page: int = Field(20, ge=1, le=100)


class Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class UserAnswer(Answer):
    id: int
    email: str
    first_name: str
    last_name: str
    email_verified: bool


class TokenAnswer(Answer):
    """RFC 6749 §5.1, and the user; `refresh_token` only where one travels in the body."""

    access_token: str
    refresh_token: str | None
    token_type: str = "bearer"  # noqa: S105 - the name of a scheme
    expires_in: int
    user: UserAnswer


class DeviceAnswer(Answer):
    id: str
    device: str
    browser: str
    system: str
    address: str
    transport: Transport
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool


class DevicesAnswer(Answer):
    items: list[DeviceAnswer]


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
