"""Demo users and products, for development: loading them again changes nothing that is there."""

from contextlib import suppress
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from webapp import accounts
from webapp.audit import COMMAND_LINE
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import AddressTaken
from webapp.models import Product, User

USERS: Final = (
    {"email": "test@test.com", "password": "Test123!", "first_name": "John", "last_name": "Doe", "is_admin": False},
    {"email": "admin@test.com", "password": "Admin123!", "first_name": "Ada", "last_name": "Admin", "is_admin": True},
)

PRODUCTS: Final = (
    ("Norway spruce", "Fast-growing windbreak, dark green all year.", 2490),
    ("Scots pine", "Blue-green needles, thrives on poor soil.", 1990),
    ("Silver fir", "Soft needles that stay on long after cutting.", 3450),
    ("English yew", "Takes any shape the shears ask for.", 2890),
    ("Common juniper", "Aromatic berries, at home on dry heath.", 1590),
    ("Holly", "Glossy leaves and red berries in winter.", 1790),
    ("Boxwood", "The classic low hedge.", 990),
    ("Cherry laurel", "A dense screen within three years.", 1290),
    ("Atlas cedar", "Silver-blue crown for a large lawn.", 4990),
    ("Mountain pine", "Compact, for rock gardens and troughs.", 1490),
    ("Western hemlock", "Graceful, and content in shade.", 2190),
    ("Rhododendron", "Evergreen leaves, flowers in May.", 1890),
)


def load(db: DbSession, *, now: datetime) -> list[str]:
    """Create what is missing of the demo users and products; commits. Return the addresses that were created."""
    created = []
    for user in USERS:
        if accounts.find_user(db, str(user["email"])) is not None:
            continue
        # However long PASSWORD_MIN_LENGTH has others' be: these are printed, and documents name them.
        how = {"password_min_length": 0, "is_verified": True, "client": COMMAND_LINE, "now": now}
        with suppress(AddressTaken):  # by whoever loads them at the same time
            accounts.create_user(db, **user, **how)  # type: ignore[arg-type]
            created.append(str(user["email"]))
    known = set(db.scalars(select(Product.name)))
    db.add_all(
        Product(name=name, description=description, price_cents=price)
        for name, description, price in PRODUCTS
        if name not in known
    )
    try:
        db.commit()
    except IntegrityError:
        db.rollback()  # whoever loads them at the same time has been first, with all of them
    return created


def credentials(db: DbSession, settings: Settings) -> list[tuple[str, str, bool]]:
    """Return (address, password, is administrator) of the demo users who may sign in; none outside development."""
    if not settings.is_development:
        return []
    active = set(db.scalars(select(User.email).where(User.is_active)))
    return [
        (str(user["email"]), str(user["password"]), bool(user["is_admin"])) for user in USERS if user["email"] in active
    ]
