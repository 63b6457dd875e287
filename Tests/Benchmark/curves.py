"""How the worker's cost, speed and latency move as one thing changes, with all else as it is usually measured."""

import dataclasses
import sys
import tempfile

import measure
import report

# How long a phase at full load takes at the least where call slots limit it.
FULL_SECONDS = 8
# What changes, its unit, and what it becomes.
CURVES = {
    "rate": ("commands a second", [100, 300, 1_000, 2_000, 4_000]),
    "upstream_ms": ("ms that an answer takes", [1, 20, 200, 2_000]),
    "in_flight": ("calls in flight", [16, 64, 512, 2_048]),
    "partitions": ("partitions", [1, 8, 64, 256]),
    "workers": ("workers", [1, 2, 4]),
    # All stay in memory: each is of a session of its own.
    "commands": ("live sessions", [60_000, 250_000, 1_000_000]),
}


def conditions(usual: measure.Conditions, name: str, value: int) -> measure.Conditions:
    given = dataclasses.replace(usual, **{name: value})
    by_slots = 1_000 * given.in_flight // given.upstream_ms
    # The steady rate leaves half of the slots free: a backlog would say nothing but its own length.
    given = dataclasses.replace(given, rate=min(given.rate, by_slots // 2))
    return given if name == "commands" else dataclasses.replace(given, commands=min(given.commands, FULL_SECONDS * by_slots))


def run(usual: measure.Conditions, names: list[str]) -> str:
    """A table for each curve, as Markdown."""
    tables = []
    for name in names:
        unit, values = CURVES[name]
        rows = [
            f"| {unit} | CPU-us per command, full load | results/s | CPU-us at the steady rate | p50 ms | p99 ms | peak MB |",
            "|---|---|---|---|---|---|---|",
        ]
        for value in values:
            with tempfile.TemporaryDirectory() as folder:
                figures = measure.run("worker", conditions(usual, name, value), folder)
            cells = [f"{number:,.0f}" for number in dataclasses.astuple(figures)]
            rows.append(f"| {value:,} | {' | '.join(cells)} |")
            print(rows[-1], file=sys.stderr)
        tables.append("\n".join(rows))
    return "\n\n".join([report.headline(usual, 1), *tables])
