"""Products, for programs: the example of a protected resource."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from webapp import catalog
from webapp.database import db
from webapp.web import guard
from webapp.web.answers import ProductAnswer, ProductsAnswer
from webapp.web.bodies import read_query
from webapp.web.schemas import PageQuery

products_api = Blueprint("products_api", __name__)


@products_api.get("/products")
@guard.access_required
def index() -> ResponseReturnValue:
    query = read_query(PageQuery)
    products, total = catalog.list_products(db.session, page=query.page, per_page=query.per_page)
    items = [ProductAnswer.model_validate(product) for product in products]
    answer = ProductsAnswer(items=items, page=query.page, per_page=query.per_page, total=total)
    return answer.respond()
