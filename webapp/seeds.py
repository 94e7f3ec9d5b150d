"""The seeds of second factors at rest, all of them at once: which keys they still need, and sealing them anew."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from sqlalchemy import select, update

from webapp.config import Settings
from webapp.database import DbSession
from webapp.models import User
from webapp.sealing import SealBroken, is_sealed_anew, seal, unseal

BATCH: Final = 500


def sealed_before(db: DbSession, settings: Settings) -> Iterator[tuple[int, str]]:
    """Yield user id and sealed seed of each user whose seed SECRET_KEY alone does not open."""
    last = 0
    while found := db.execute(
        select(User.id, User.totp_seed)
        .where(User.id > last, User.totp_seed.is_not(None))
        .order_by(User.id)
        .limit(BATCH)
    ).all():
        for user_id, seed in found:
            if seed and not is_sealed_anew(settings, seed):
                yield user_id, seed
        last = found[-1].id


def reseal(db: DbSession, settings: Settings) -> tuple[int, int]:
    """Seal under SECRET_KEY what a key before it has sealed; commits. Return how many, and how many no key opens."""
    resealed = shut = 0
    seeds = sealed_before(db, settings)
    while batch := list(islice(seeds, BATCH)):
        for user_id, seed in batch:
            try:
                anew = seal(settings, unseal(settings, seed))
            except SealBroken:
                shut += 1
                continue
            # Conditional: the user may have begun anew meanwhile.
            db.execute(update(User).where(User.id == user_id, User.totp_seed == seed).values(totp_seed=anew))
            resealed += 1
        db.commit()
    return resealed, shut
