"""What a request costs, Evergreen beside its peers; how it is best served; whether it stays so as it grows.

make bench, or .venv/bin/python -m bench.compare [--only calls servers growth memory] [--write]"""

import argparse
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Final

import psutil

from bench import calls as calls_of
from bench import growth as growth_of
from bench import tables, variants
from bench.serving import ROOT
from tests.support.services import POSTGRESQL

PARTS: Final = ("calls", "servers", "growth", "memory")
RESULTS: Final = ROOT / "bench/results.json"
TABLE: Final = ROOT / "bench/RESULTS.md"


@dataclass
class Results:
    """Everything that was measured, each part when it was."""

    machine: str = ""
    made: dict[str, str] = field(default_factory=dict)
    calls: list[calls_of.Row] = field(default_factory=list)
    argon2_share: dict[str, float] = field(default_factory=dict)  # by database
    servers: list[variants.Variant] = field(default_factory=list)
    growth: list[growth_of.Growth] = field(default_factory=list)
    purges: list[growth_of.Purge] = field(default_factory=list)
    memory: list[growth_of.Memory] = field(default_factory=list)


def main() -> None:
    options = _options()
    found = Results(machine=_machine())
    parts: dict[str, Callable[[], None]] = {
        "calls": lambda: _calls(found, options),
        "servers": lambda: found.servers.extend(variants.measure(seconds=options.seconds, rounds=options.rounds)),
        "growth": lambda: _growth(found, options),
        "memory": lambda: found.memory.extend(growth_of.memory(options.requests)),
    }
    for part in options.only:
        print(f"measuring {part} ...", file=sys.stderr)
        parts[part]()
        found.made[part] = f"{datetime.now(UTC):%d %B %Y}"
    text = tables.markdown(asdict(found))
    print(text)
    if options.write:
        _write(asdict(found), options.only)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts (default: all)")
    parser.add_argument("--seconds", type=float, default=4, help="of a run (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="in each of which each run has its turn (default: 5)")
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"])
    parser.add_argument("--rows", nargs="+", type=int, default=[10**3, 10**5, 10**6], help="sessions stored, of growth")
    parser.add_argument("--requests", nargs="+", type=int, default=[20_000, 100_000, 10**6], help="of memory, in all")
    parser.add_argument("--postgresql-url", default=POSTGRESQL, help="a server where databases may be made")
    parser.add_argument("--write", action="store_true", help="into RESULTS.md and results.json; other parts stay")
    return parser.parse_args()


def _calls(found: Results, options: argparse.Namespace) -> None:
    pace = {"seconds": options.seconds, "rounds": options.rounds}
    found.calls, found.argon2_share = calls_of.measure(options.databases, options.postgresql_url, **pace)


def _growth(found: Results, options: argparse.Namespace) -> None:
    pace = {"seconds": options.seconds, "rounds": options.rounds}
    for database in options.databases:
        for row in growth_of.measure(database, options.postgresql_url, options.rows, **pace):
            (found.purges if isinstance(row, growth_of.Purge) else found.growth).append(row)


def _machine() -> str:
    gigabytes = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores ({platform.machine()}), {gigabytes:.0f} GiB, Python {platform.python_version()}, "
        f"{platform.system()}"
    )


def _write(found: dict[str, object], parts: list[str]) -> None:
    """Write what was measured now; parts that were not keep what they had."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    names = {"calls": ("calls", "argon2_share"), "servers": ("servers",), "growth": ("growth", "purges")}
    for part in parts:
        for name in names.get(part, (part,)):
            kept[name] = found[name]
    kept["machine"] = found["machine"]
    kept["made"] = {**kept.get("made", {}), **found["made"]}  # type: ignore[dict-item]
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    TABLE.write_text(tables.markdown(kept))


if __name__ == "__main__":
    main()
