"""Files and folders: who may read them, who may write them, whom they belong to, and how much room is left."""

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from webapp.config import INSTANCE, ROOT, Settings
from webapp.doctor.findings import Finding, wrong
from webapp.doctor.names import env_file
from webapp.doctor.places import is_missing, sqlite_path

STATIC: Final = ROOT / "static"
LEAST_FREE: Final = 500 * 2**20  # bytes
_SECRET_FILES: Final = (".env*", "secret_key", "*.db", "*.db-wal", "*.sqlite*", "*.sql", "*.pem", "*.key", "*.eml")
_OTHERS: Final = 0o007  # a .env is often root's, and readable by the group of the service
_ALL_BUT_OWNER: Final = 0o077


def examine(settings: Settings) -> Iterator[Finding]:
    yield from examine_secrets()
    path = sqlite_path(settings)
    if path is not None:
        yield from _examine_database_file(path)
        yield from _examine_folder(path.parent, "SQLite")
    folder = settings.mail_route.folder if settings.mail_route else None
    if folder is not None:
        yield from _examine_folder(folder, "mail")
    yield from _examine_static(path, folder)


def examine_secrets() -> Iterator[Finding]:
    """Say which files with keys others can read; no settings are needed for that."""
    env, key = env_file(), INSTANCE / "secret_key"
    if env is not None and _is_open(env, _OTHERS):
        yield wrong("file-readable", f"{env} can be read by others: chmod 640 {env}")
    if os.path.isfile(key) and _is_open(key, _ALL_BUT_OWNER):
        yield wrong("file-readable", f"{key} can be read by others: chmod 600 {key}")


def _examine_database_file(path: Path) -> Iterator[Finding]:
    if not os.path.isfile(path):
        return
    beside = [file for ending in ("", "-wal", "-shm") if (file := Path(f"{path}{ending}")).exists()]
    if readable := [str(file) for file in beside if _is_open(file, _ALL_BUT_OWNER)]:
        # Not the folder, which may be everybody's; what SQLite makes beside this file has its mode.
        names = " ".join(readable)
        yield wrong("file-readable", f"{', '.join(readable)} can be read by others: chmod 600 {names}")
    owners = {file.stat().st_uid for file in beside}
    if owners != {os.geteuid()}:
        names = ", ".join(sorted(map(_user_name, owners)))
        message = f"{path} belongs to {names}, and this command runs as {_user_name(os.geteuid())}"
        yield wrong("file-owner", f"{message}: run commands as the user who serves, sudo -u USER flask --app wsgi …")
    closed = [str(file) for file in beside if not _may(file, os.R_OK | os.W_OK)]
    if closed:
        message = f"{', '.join(closed)} cannot be written by {_user_name(os.geteuid())}, and then nobody can sign in"
        names = " ".join(closed)
        yield wrong("file-closed", f"{message}: chown it to the user who serves, and chmod 600 {names}")


def _examine_folder(folder: Path, use: str) -> Iterator[Finding]:
    """Whether the folder can be written, and holds more; SQLite makes files beside its own, mail one a mail."""
    # That of mail is made with the first one, and so is what it lies in.
    place = next(place for place in (folder, *folder.parents) if not is_missing(place))
    if not _may(place, os.W_OK | os.X_OK):
        message = f"{place} ({use}) cannot be written by {_user_name(os.geteuid())}"
        # It may be a folder of the system, which must stay as it is.
        remedy = f"install -d -o USER -m 700 {folder} for the user who serves, if it is to hold nothing else"
        yield wrong("folder-closed", f"{message}: {remedy}; otherwise name a folder that does")
    if os.path.exists(folder) and (free := shutil.disk_usage(folder).free) < LEAST_FREE:
        message = f"{folder} ({use}) has {free // 2**20} MiB left, and then nobody can sign in"
        yield wrong("disk-full", f"{message}: make room, flask --app wsgi events purge and sessions purge help")


def _examine_static(*paths: Path | None) -> Iterator[Finding]:
    inside = {path for pattern in _SECRET_FILES for path in STATIC.rglob(pattern)}
    inside |= {path for path in paths if path is not None and path.resolve().is_relative_to(STATIC)}
    for path in sorted(inside):
        yield wrong("file-served", f"{path} is in the folder that is served to everybody: move it out, change its keys")


def _may(path: Path, mode: int) -> bool:
    """Whether this process may do that with a file or folder, as whoever it acts for."""
    return os.access(path, mode, effective_ids=True)


def _is_open(path: Path, who: int) -> bool:
    """Whether any of `who` (bits of a mode) may do something with a file, and with the folder that holds it."""
    return bool(path.stat().st_mode & who) and bool(path.parent.stat().st_mode & who)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
