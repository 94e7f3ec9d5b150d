"""The figures as markdown."""

from typing import Any, Final

from bench.calls import BARE, CALLS

FIGURES: Final = {"CPU µs", "of bare Flask", "per second", "per second, others sign in", "sessions"}
NAMES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "none": "none"}


def markdown(found: dict[str, Any]) -> str:
    """Return the tables of what was measured (compare.Results as a dictionary)."""
    parts = [
        "# What was measured\n",
        "By `make bench` (see [README.md](README.md)); what it says holds for the machine on which it was made:",
        f"{found['machine']}.\n",
    ]
    makers = {"calls": _calls, "servers": _servers, "growth": _growth, "memory": _memory}
    for name, maker in makers.items():
        if found.get(name):
            parts += [*maker(found), f"Made on {found['made'][name]}.\n"]
    return "\n".join(parts)


def _table(head: str, rows: list[str]) -> list[str]:
    """Return a table whose first row and columns' alignment is `head`: numbers, which name a unit or a count, right."""
    columns = [column.strip() for column in head.split("|")]
    rule = ["--:" if column in FIGURES or " ms" in column else "---" for column in columns]
    return [f"| {' | '.join(columns)} |", f"|{'|'.join(rule)}|", *rows, ""]


def _calls(found: dict[str, Any]) -> list[str]:
    rows = found["calls"]
    base = next(row["cost"]["cpu_us"] for row in rows if row["who"] == BARE)
    lines = []
    for row in rows:
        cost, share = row["cost"], row["cost"]["cpu_us"] / base
        figures = f"{cost['cpu_us']:,.0f} | {share:.2f} | {cost['per_second']:,.0f} | {cost['p99_ms']:.1f}"
        lines.append(f"| {row['who']} | {CALLS[row['call']]} | {NAMES[row['database']]} | {figures} |")
    ours = {(row["call"], row["database"]): row["cost"]["cpu_us"] for row in rows if row["who"] == "Evergreen"}
    said = [
        f"{NAMES[kind]}: `X-New-Token` makes a call cost {ours['renewed', kind] / ours['me', kind]:.2f} times as much; "
        f"a refresh costs {ours['refresh', kind] / ours['me', kind]:.1f} times `GET /api/me`; argon2 takes "
        f"{found['argon2_share'][kind]:.0%} of the time to a sign-in's answer.\n"
        for kind in ("sqlite", "postgresql")
        if ("me", kind) in ours
    ]
    about = "The server's processor time for a request; 1.00 is Flask with a view that looks at nothing."
    return [
        "## What a call costs\n",
        about + "\n",
        *_table("who | call | database | CPU µs | of bare Flask | per second | p99 ms", lines),
        *said,
    ]


def _servers(found: dict[str, Any]) -> list[str]:
    lines = []
    for row in found["servers"]:
        alone, beside = row["alone"], row["beside_sign_ins"]
        lines.append(
            f"| {row['name']} | {alone['cpu_us']:,.0f} | {alone['per_second']:,.0f} | {alone['p99_ms']:.1f} "
            f"| {beside['per_second']:,.0f} | {beside['p50_ms']:.1f} | {beside['p99_ms']:.1f} |"
        )
    head = "server | CPU µs | per second | p99 ms | per second, others sign in | p50 ms | p99 ms"
    return [
        "## How it is served\n",
        "`GET /api/me` on SQLite, alone and beside 20 connections that sign in all the time.\n",
        *_table(head, lines),
    ]


def _growth(found: dict[str, Any]) -> list[str]:
    lines = []
    for row in found["growth"]:
        cost, call = row["cost"], CALLS[row["call"]]
        figures = f"{cost['cpu_us']:,.0f} | {cost['p50_ms']:.2f} | {cost['p99_ms']:.1f}"
        lines.append(f"| {NAMES[row['database']]} | {call} | {row['rows']:,} | {figures} |")
    purges = []
    for row in found["purges"]:
        pairs = [row[when][figure] for figure in ("p50_ms", "p99_ms") for when in ("before", "meanwhile")]
        purges.append(f"| {NAMES[row['database']]} | {row['rows']:,} | {' | '.join(f'{ms:.1f}' for ms in pairs)} |")
    head = "database | sessions | p50 ms before | p50 ms meanwhile | p99 ms before | p99 ms meanwhile"
    return [
        "## With more sessions stored\n",
        *_table("database | call | sessions | CPU µs | p50 ms | p99 ms", lines),
        "`GET /api/me` before and while `sessions purge` deletes those that are over:\n",
        *_table(head, purges),
    ]


def _memory(found: dict[str, Any]) -> list[str]:
    lines = [f"| {row['requests']:,} | {row['megabytes']:.1f} |" for row in found["memory"]]
    return ["## What a worker keeps\n", *_table("requests answered by two workers | MB of the larger one", lines)]
