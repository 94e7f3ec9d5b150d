"""Products: the example of a resource that only signed-in callers may read."""

from sqlalchemy import func, select

from webapp.database import DbSession
from webapp.models import Product


def list_products(db: DbSession, *, page: int, per_page: int) -> tuple[list[Product], int]:
    """Return one page (counted from 1) of all products in the order of their ids, and how many there are in all."""
    total = db.scalar(select(func.count()).select_from(Product)) or 0
    rows = db.scalars(select(Product).order_by(Product.id).offset((page - 1) * per_page).limit(per_page))
    return list(rows), total
