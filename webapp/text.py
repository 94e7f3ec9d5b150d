"""What text may hold, wherever it comes from: a form, a JSON body, the command line."""

import re
import unicodedata
from typing import Final

# Characters that turn the reading direction of what follows: one name could make another look different.
_DIRECTION: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


def is_storable(text: str) -> bool:
    """Whether every database and every hash takes `text`: no NUL, no unpaired surrogate."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def is_one_line(text: str) -> bool:
    """Whether `text` can stand in a list: storable, no control characters, no line breaks, no turned direction."""
    has_controls = any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text)
    return is_storable(text) and not has_controls and not _DIRECTION.search(text)
