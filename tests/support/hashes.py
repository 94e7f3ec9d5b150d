"""argon2id at its least, for tests that are not about it: it takes a thousandth of the time."""

from typing import Final

from argon2 import PasswordHasher

LEAST_HASHER: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
