"""Where a sign-in may lead to: our own paths, nothing else."""

import re
from typing import Final

MAX_LENGTH: Final = 2000
# One slash, then neither a second one nor a backslash, which browsers read as one; no control characters, which
# they drop, so that "/<tab>/evil" would become "//evil".
_OWN_PATH: Final = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def own_path(target: str | None, *, default: str) -> str:
    """Return `target` if it is a path of this site, else `default` (RFC 9700 §4.11)."""
    if target and len(target) <= MAX_LENGTH and _OWN_PATH.fullmatch(target) and target.isprintable():
        return target
    return default
