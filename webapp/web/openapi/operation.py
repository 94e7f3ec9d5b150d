"""What is said of a call of the API, in the table of operations.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import BaseModel
from spectree import Tag

from webapp.errors import AppError, InvalidClient, InvalidToken, MissingToken, SessionEnded, TokenExpired
from webapp.web.answers import NoticeAnswer

# What opens a call: nothing, an access token, a refresh token in one of its three ways, either kind of token, or the
# secret of a service.
Access = Literal["nothing", "access", "refresh", "any", "client"]
Errors = tuple[type[AppError], ...]


@dataclass(frozen=True)
class Operation:
    """A call. What follows from its body, its query and its credentials alone is left to details.py: the refusals of
    malformed bodies and of tokens, and the answers of a service that is busy."""

    name: str  # the operationId
    tag: Tag
    summary: str
    description: str = ""
    access: Access = "access"
    body: type[BaseModel] | None = None
    is_body_required: bool = True
    form: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answers: Mapping[int, type[BaseModel] | None] = field(default_factory=lambda: {204: None})
    notice: NoticeAnswer | None = None  # the very one, where that is the answer
    errors: Errors = ()
    sets_cookie: bool = False
    renews: bool = True  # False where the view withholds X-New-Token
    asks_database: bool = True


# What a token can be refused for (RFC 6750 §3.1).
OF_TOKENS: Final[Mapping[Access, Errors]] = {
    "nothing": (),
    "access": (MissingToken, InvalidToken, TokenExpired, SessionEnded),
    "refresh": (MissingToken, InvalidToken, TokenExpired, SessionEnded),
    "any": (),
    "client": (InvalidClient,),
}
