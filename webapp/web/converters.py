"""Parts of addresses."""

from werkzeug.routing import BaseConverter


class SessionIdConverter(BaseConverter):
    """A session's id; anything else in its place is no address of ours, and no database ever sees it."""

    regex = "[A-Za-z0-9_-]{22}"
