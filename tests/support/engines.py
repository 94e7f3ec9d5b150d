"""Engines as the product makes them, over a database of PostgreSQL in which there is nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, create_engine

from tests.support.services import POSTGRESQL, require_postgresql
from tests.support.settings import make_settings
from webapp.database import database_config

SERVER = f"{POSTGRESQL}/postgres"


@contextmanager
def engine_on(url: str) -> Iterator[Engine]:
    require_postgresql()
    config = database_config(make_settings(database_url=url))
    engine = create_engine(config["SQLALCHEMY_DATABASE_URI"], **config["SQLALCHEMY_ENGINE_OPTIONS"])
    yield engine
    engine.dispose()
