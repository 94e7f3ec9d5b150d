"""Parts of addresses."""

from werkzeug.routing import BaseConverter, IntegerConverter, Map

from webapp.tokens import SESSION_ID


class SessionIdConverter(BaseConverter):
    """A session's id; anything else in its place is no address of ours, and no database ever sees it."""

    regex = SESSION_ID


class RowIdConverter(IntegerConverter):
    """The number of a row, as far as the databases count."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=2**31 - 1)
