"""Parts of addresses."""

from werkzeug.routing import BaseConverter

from webapp.tokens import SESSION_ID


class SessionIdConverter(BaseConverter):
    """A session's id; anything else in its place is no address of ours, and no database ever sees it."""

    regex = SESSION_ID
