"""What the JSON API answers: the shape of each body that is no problem."""

from datetime import datetime
from typing import Final

from flask import Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from webapp.config import Transport


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


SIGNED_UP: Final = NoticeAnswer(detail="We have sent a mail to this address. Open the link in it to go on.")
LINK_RESENT: Final = NoticeAnswer(
    detail="We have sent the link once more, unless your address is confirmed, or was sent five such mails in 24 hours "
    "and the last one within the hour."
)
RESET_ASKED: Final = NoticeAnswer(detail="If an account exists for this address, we have sent a link.")
ADDRESS_ASKED: Final = NoticeAnswer(
    detail="We have sent a link to the new address. Until it is opened, the old one stays."
)


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
