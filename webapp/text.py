"""What text may hold, wherever it comes from: a form, a JSON body, the command line."""

import re
from typing import Final

# As regular expressions of Python and of JSON Schema both have it: control characters, line and paragraph breaks, and
# what turns the reading direction of all that follows, so that one name could make another look different.
INVISIBLE: Final = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
_ANY_INVISIBLE: Final = re.compile(f"[{INVISIBLE}]")
_ANY_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Whether every database and every hash takes `text`: no NUL, no unpaired surrogate."""
    return not _ANY_UNSTORABLE.search(text)


def is_one_line(text: str) -> bool:
    """Whether `text` can stand in a list: storable, no control characters, no line breaks, no turned direction."""
    return is_storable(text) and not _ANY_INVISIBLE.search(text)
