"""SQLite: its version, what the product has told it, its disk, and whether the file is whole."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import text

from webapp.config import Settings
from webapp.database import DbSession
from webapp.doctor.findings import Finding, fine, wrong
from webapp.doctor.places import filesystem_of, sqlite_path

# SQLite's WAL-reset bug may corrupt a file with several writers in these versions (sqlite.org/wal.html).
WAL_BUG_FIXED: Final = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
WAL_RESET_BUG: Final = f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug: use 3.51.3 or newer, or PostgreSQL"
PRAGMAS: Final = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}  # 2: FULL
NETWORK_FILESYSTEMS: Final = ("nfs", "cifs", "smb", "fuse.sshfs", "fuse.gluster", "9p", "ceph", "lustre", "afs")
LARGEST_CHECKED: Final = 256 * 2**20  # bytes; a slow disk reads them in two or three seconds


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Whether this version of SQLite may lose what was committed when two connections write at the same instant."""
    is_fixed = any(version[:2] == fixed[:2] and version >= fixed for fixed in WAL_BUG_FIXED)
    return not is_fixed and version < WAL_BUG_FIXED[-1]


def examine(db: DbSession, settings: Settings) -> Iterator[Finding]:
    """Raises what SQLite raises of a file it cannot read."""
    if has_wal_reset_bug(sqlite3.sqlite_version_info):
        yield wrong("sqlite-version", WAL_RESET_BUG)
    path = sqlite_path(settings)
    assert path is not None  # noqa: S101 - the caller has looked
    yield from _examine_place(path)
    yield from _examine_pragmas(db, path)
    yield from _examine_content(db, path)


def _examine_place(path: Path) -> Iterator[Finding]:
    kind = filesystem_of(path)
    if kind.startswith(NETWORK_FILESYSTEMS):
        message = f"{path} is on another machine's disk ({kind}), where SQLite's locks do not hold"
        yield wrong("sqlite-network", f"{message}: move it to a disk of this machine, or use PostgreSQL")


def _examine_pragmas(db: DbSession, path: Path) -> Iterator[Finding]:
    for name, expected in PRAGMAS.items():
        value = db.execute(text(f"PRAGMA {name}")).scalar()
        if value != expected:
            message = f"{name} is {value} and should be {expected}, which this disk or another program prevents"
            yield wrong("sqlite-pragmas", f"{message}: stop what else opens {path}, or move it to a local disk")


def _examine_content(db: DbSession, path: Path) -> Iterator[Finding]:
    if path.stat().st_size > LARGEST_CHECKED:
        yield fine("database", f"not read through for damage, being large: sqlite3 {path} 'PRAGMA quick_check'")
        return
    found = [str(line) for line in db.execute(text("PRAGMA quick_check(1)")).scalars()]
    if found != ["ok"]:
        first = " ".join(found[0].split())
        yield wrong("database-damaged", f"{path} is damaged ({first}): stop the servers and restore a backup")
