"""Parts of addresses."""

from werkzeug.routing import BaseConverter

from webapp.token_format import MAX_COUNT, SESSION_ID


class SessionIdConverter(BaseConverter):
    """A session's id; anything else in its place is no address of ours, and no database ever sees it."""

    regex = SESSION_ID


class RowIdConverter(BaseConverter):
    """The number of a row. One that no column holds is nobody's: refused here, Werkzeug would call the method wrong."""

    regex = "[0-9]{1,10}"

    def to_python(self, value: str) -> int:
        number = int(value)
        return number if number <= MAX_COUNT else 0
