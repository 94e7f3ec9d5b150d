"""Where things are: on this machine or another, in which file, on which kind of disk."""

from ipaddress import ip_address
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from webapp.config import ROOT, Settings

CONTAINER_MARKS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
MOUNTS: Final = Path("/proc/self/mountinfo")  # Linux; elsewhere nothing is known of disks


def is_loopback(host: str) -> bool:
    """Whether only this machine can be meant."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_near(host: str) -> bool:
    """Whether what is said to `host` stays out of others' hearing: this machine, a socket, or the neighbour of a
    container, whose name has no dot."""
    return not host or host.startswith("/") or is_loopback(host) or (is_in_container() and "." not in host)


def is_in_container() -> bool:
    return any(mark.exists() for mark in CONTAINER_MARKS)


def sqlite_path(settings: Settings) -> Path | None:
    """Return the full path of the SQLite file, or None with PostgreSQL."""
    url = make_url(settings.database_url)
    return ROOT / str(url.database) if url.get_backend_name() == "sqlite" else None


def is_missing(path: Path) -> bool:
    """Whether there is certainly no such file: in a folder that is closed to us, there may be."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def database_host(settings: Settings) -> str:
    """Return the host that DATABASE_URL names, or a folder of sockets, or "" if it leaves that to the driver."""
    url = make_url(settings.database_url)
    named = url.host or url.query.get("host", "")
    return named if isinstance(named, str) else named[0]


def filesystem_of(path: Path) -> str:
    """Return the kind of disk a path is on, such as `ext4` or `nfs4`, or "" if it is not known."""
    found = ("", "")
    for line in MOUNTS.read_text(errors="replace").splitlines() if MOUNTS.exists() else []:
        # proc(5): ids, root, mount point, options, optional fields, "-", type, source; blanks are written \040.
        before, _, after = line.partition(" - ")
        mounted_at = before.split()[4].replace("\\040", " ")
        if path.resolve().is_relative_to(mounted_at) and len(mounted_at) >= len(found[0]):
            found = (mounted_at, after.split()[0])
    return found[1]
