"""Databases of the product with the roles that our documents make, each on a server of its own."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.postgresql_cluster import Cluster, cluster
from tests.support.fences import fence, replaced, shell
from tests.support.settings import SECRET_KEY
from webapp.config import ROOT

OPERATIONS = "docs/operations.md"


def documented(heading: str) -> list[list[str]]:
    """Return the statements of each block of SQL below a heading of docs/operations.md."""
    text = (ROOT / OPERATIONS).read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    return [[statement.strip() for statement in block.split(";") if statement.strip()] for block in blocks]


@contextmanager
def one_role() -> Iterator[Cluster]:
    """What docs/deploy.md makes: `evergreen` owns its database, which is empty still, and may do nothing else."""
    with cluster() as running:
        running.execute("CREATE ROLE evergreen LOGIN")
        running.execute("CREATE DATABASE evergreen OWNER evergreen ENCODING 'UTF8' TEMPLATE template0")
        running.execute("REVOKE ALL ON DATABASE evergreen FROM PUBLIC")
        yield running


@contextmanager
def two_roles() -> Iterator[Cluster]:
    """What docs/operations.md makes: `evergreen` uses what `evergreen_owner` owns and has migrated."""
    as_superuser, as_owner = documented("Rights")
    with cluster() as running:
        for statement in as_superuser:
            running.execute(statement)
        for statement in as_owner:
            running.execute(statement, role="evergreen_owner", database="evergreen")
        there = {"postgresql+psycopg://evergreen_owner:…@db/evergreen": running.url_of("evergreen_owner", "evergreen")}
        shell(
            replaced(fence(OPERATIONS, "DATABASE_URL="), there),
            {"APP_ENV": "development", "SECRET_KEY": SECRET_KEY},
        )
        yield running
