"""Passwords: argon2id at OWASP's parameters (m=19456 KiB, t=2, p=1), what may be one, and how easily it is guessed."""

import os
import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import permutations
from typing import Final, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from webapp import metrics
from webapp.errors import InvalidFields, TooBusy
from webapp.text import is_storable

MAX_LENGTH: Final = 1024
SCORED_LENGTH: Final = 72  # zxcvbn takes no more; its time grows with the square of the length
SITE: Final = "evergreen"
ACCEPTED_SCORE: Final = 2  # below: guessed within a million tries, as all of zxcvbn's 30,000 common passwords are
_hasher: Final = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)

# One thread of this process hashes, so that hashing takes one core and its memory once. At most so many requests wait
# for it; the process's other threads stay free for calls that need no password, and a flood is told to come back.
WAITING_AT_MOST: Final = 56
_admitted: Final = threading.BoundedSemaphore(WAITING_AT_MOST)
NO_PASSWORD: Final = ""  # in place of a hash: no password is right
NICENESS: Final = 10  # where cores are short, calls that take a millisecond go before a hash that takes twenty


def _give_way() -> None:
    # Linux knows a niceness for each thread; elsewhere there is no thread of that number.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


_hashing: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="argon2", initializer=_give_way)


class Strength(NamedTuple):
    """How easily a password is guessed: `score` 0 (at once) to 4 (hardly), and why, if there is a reason to name."""

    score: int
    reason: str


# --- hashing -------------------------------------------------------------------------------------------


def hash_password(password: str) -> str:
    """Return the PHC string of `password`, which is compared in Unicode's NFC form and never shortened.

    Raises TooBusy, as `verify_password` does, while more sign-ins wait for their hash than the process can take."""
    with _admission():
        return _hashing.submit(_hash, _normalized(password)).result()


def verify_password(stored: str | None, password: str) -> bool:
    """Whether `password` is the one of the PHC string `stored`. None and NO_PASSWORD cost the same time and are never
    right."""
    with _admission():
        return _hashing.submit(_verify, stored, _normalized(password)).result()


def _hash(password: str) -> str:
    with metrics.time_hash():
        return _hasher.hash(password)


def _verify(stored: str | None, password: str) -> bool:
    compared_with = stored or _nobodys_hash(_hasher)
    try:
        with metrics.time_hash():
            return _hasher.verify(compared_with, password) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(stored: str) -> bool:
    """Whether `stored` was made with other parameters than the ones in force."""
    return _hasher.check_needs_rehash(stored)


def require_room() -> None:
    """Raise TooBusy if a hash could not be had now: to be asked before any other work is done for a sign-in."""
    with _admission():
        pass


@contextmanager
def _admission() -> Iterator[None]:
    if not _admitted.acquire(blocking=False):
        metrics.count_refused_hash()
        raise TooBusy(retry_after=1)
    try:
        yield
    finally:
        _admitted.release()


@lru_cache(maxsize=1)
def _nobodys_hash(hasher: PasswordHasher) -> str:
    """A hash with the parameters in force, so that an unknown user costs what a known one costs."""
    return hasher.hash("nobody has this password")


# --- what may be a password ----------------------------------------------------------------------------


def check_length(password: str, *, minimum: int, field: str = "password") -> None:
    """Raise InvalidFields unless `password` is text that can be hashed, of `minimum` to 1024 code points."""
    if not is_storable(password):
        raise InvalidFields({field: ["Use characters that can be typed."]})
    if reason := too_short(password, minimum=minimum):
        raise InvalidFields({field: [reason]})
    if len(_normalized(password)) > MAX_LENGTH:
        raise InvalidFields({field: [f"Use at most {MAX_LENGTH} characters."]})


def too_short(password: str, *, minimum: int) -> str:
    """Return what is said of a password of fewer than `minimum` code points, and "" of others."""
    return f"Use at least {minimum} characters." if len(_normalized(password)) < minimum else ""


def check_policy(password: str, *, minimum: int, own_words: Sequence[str] = (), field: str = "password") -> None:
    """Raise InvalidFields, with the reason, for a password that is too short, too long, or easily guessed.

    Nothing else is asked of it: no kinds of characters (NIST SP 800-63B-4 §3.1.1.2). `own_words` are the user's names
    and address, which others know."""
    check_length(password, minimum=minimum, field=field)
    strength = rate(password, own_words=own_words)
    if strength.score < ACCEPTED_SCORE:
        raise InvalidFields({field: [strength.reason]})


def rate(password: str, *, own_words: Sequence[str] = ()) -> Strength:
    """Return how easily `password` is guessed by somebody who knows `own_words`."""
    if not password:
        return Strength(0, "")
    text = _normalized(password)[:SCORED_LENGTH]
    words = _guesses(own_words)
    result = zxcvbn(text, user_inputs=words)
    if result["score"] >= ACCEPTED_SCORE:
        return Strength(result["score"], "")
    if any(match.get("dictionary_name") == "user_inputs" for match in result["sequence"]):
        return Strength(result["score"], "This is easy to guess from your name, your address or the name of this site.")
    warning = result["feedback"]["warning"] or "This is easy to guess."
    return Strength(result["score"], f"{warning} Add another word or two.")


def _guesses(own_words: Sequence[str]) -> list[str]:
    """Return what is tried first: the site's name, the user's names and address, parts of them, two names as one."""
    parts = {part.lower() for word in (SITE, *own_words) for part in _parts(word)}
    names = [word.lower() for word in own_words if word and "@" not in word]
    pairs = {first + between + last for first, last in permutations(names, 2) for between in ("", ".", "-", "_", " ")}
    return sorted(parts | pairs)


def _parts(word: str) -> list[str]:
    """An address is guessed as a whole, by what stands before the @, and by each word of that."""
    local, _, domain = word.partition("@")
    pieces = [word, local, domain.partition(".")[0], *re.split(r"[._\- ]+", local)]
    return [piece for piece in pieces if len(piece) > 2]  # noqa: PLR2004 - initials are nobody's secret


def _normalized(password: str) -> str:
    return unicodedata.normalize("NFC", password)
