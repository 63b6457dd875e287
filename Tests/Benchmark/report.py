"""Figures of several rounds as a table, as JSON and as a chart."""

import dataclasses
import datetime
import html
import os
import statistics

from measure import Conditions, Figures

NAMES = {"worker": "this worker", "python": "peer in Python", "c": "floor in C"}
COLOURS = {"worker": "#3b82c4", "python": "#c98a2b", "c": "#5f9e5f"}

# Of each contender its rounds, in order.
Rounds = dict[str, list[Figures]]


@dataclasses.dataclass(frozen=True)
class Spread:
    """Median and range of the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        return cls(statistics.median(values), min(values), max(values))


def spreads(figures: list[Figures]) -> dict[str, Spread]:
    return {field.name: Spread.of([getattr(one, field.name) for one in figures]) for field in dataclasses.fields(Figures)}


def ratios(rounds: Rounds, peer: str) -> dict[str, Spread]:
    """The worker's figures by the peer's, round by round: what slowed a round slowed both."""
    pairs = list(zip(rounds["worker"], rounds[peer]))
    return {
        field.name: Spread.of([getattr(ours, field.name) / max(getattr(theirs, field.name), 1e-9) for ours, theirs in pairs])
        for field in dataclasses.fields(Figures)
    }


def peers(rounds: Rounds) -> list[str]:
    return [name for name in rounds if name != "worker"] if "worker" in rounds else []


def broker() -> str:
    return "the cluster of OTP_TEST_KAFKA" if os.environ.get("OTP_TEST_KAFKA") else "an embedded broker (no Kafka)"


def headline(given: Conditions, count: int) -> str:
    return (
        f"{given.commands:,} commands, {given.in_flight} in flight, upstream {given.upstream_ms} ms over {'TLS' if given.tls else 'plain HTTP'}, "
        f"{broker()}, {os.cpu_count()} processors; rounds in turn: {count}; CPU-us per command, median (range)"
    )


def number(value: float, is_ratio: bool) -> str:
    return f"{value:.2f}" if is_ratio else f"{value:,.0f}"


def cell(spread: Spread, is_ratio: bool) -> str:
    middle, least, most = (number(value, is_ratio) for value in (spread.median, spread.least, spread.most))
    return middle if least == most else f"{middle} ({least}–{most})"


def table(rounds: Rounds, given: Conditions) -> str:
    head = ["", "CPU-us", "results/s", f"at {given.rate:,}/s: CPU-us", "p50 ms", "p99 ms", "peak MB"]
    rows = [head]
    for name, figures in rounds.items():
        rows.append([NAMES[name], *(cell(spread, False) for spread in spreads(figures).values())])
    for peer in peers(rounds):
        rows.append([f"worker / {peer}", *(cell(spread, True) for spread in ratios(rounds, peer).values())])
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    return "\n".join([headline(given, len(next(iter(rounds.values())))), "", *lines])


def as_json(rounds: Rounds, given: Conditions) -> dict:
    def told(part: dict[str, Spread]) -> dict:
        return {name: dataclasses.asdict(spread) for name, spread in part.items()}

    return {
        "made_at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "conditions": {**dataclasses.asdict(given), "broker": broker(), "processors": os.cpu_count()},
        "rounds": {name: [dataclasses.asdict(one) for one in figures] for name, figures in rounds.items()},
        "spreads": {name: told(spreads(figures)) for name, figures in rounds.items()},
        "ratios": {f"worker / {peer}": told(ratios(rounds, peer)) for peer in peers(rounds)},
    }


STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .small { font-size: 11px; fill: #57606a; }
  .range { stroke: #24292f; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .small { fill: #9aa4ae; } .range { stroke: #e6edf3; }
  }
"""
LEFT, WIDTH, ROW, SCALE = 130, 780, 28, 480


def bars(rounds: Rounds, name: str, title: str, top: int) -> list[str]:
    """One group of bars, each with the range of its rounds as a line."""
    measured = {contender: spreads(figures)[name] for contender, figures in rounds.items()}
    unit = SCALE / max(max(spread.most for spread in measured.values()), 1e-9)
    parts = [f'<text x="16" y="{top}" font-weight="600">{html.escape(title)}</text>']
    for row, (contender, spread) in enumerate(measured.items()):
        y = top + 14 + row * ROW
        ends = LEFT + spread.least * unit, LEFT + spread.most * unit
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{NAMES[contender]}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{spread.median * unit:.1f}" height="20" rx="2" fill="{COLOURS[contender]}"/>',
            f'<line class="range" x1="{ends[0]:.1f}" x2="{ends[1]:.1f}" y1="{y + 10}" y2="{y + 10}"/>',
            f'<text x="{ends[1] + 8:.1f}" y="{y + 14}">{cell(spread, False)}</text>',
        ]
    return parts


def chart(rounds: Rounds, given: Conditions) -> str:
    """CPU time per command, as an SVG that needs nothing but itself and follows light and dark."""
    step = ROW * len(rounds) + 56
    parts = bars(rounds, "cpu_us", "CPU-µs per command, full load", 62)
    parts += bars(rounds, "rate_cpu_us", f"CPU-µs per command at {given.rate:,}/s", 62 + step)
    conditions, ways = headline(given, len(next(iter(rounds.values())))).split("; ", 1)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {62 + 2 * step - 20}" role="img">',
            f"<title>CPU time per command of each contender</title><style>{STYLE}</style>",
            f'<text class="small" x="16" y="20">{html.escape(conditions)}</text>',
            f'<text class="small" x="16" y="36">{html.escape(ways)}</text>',
            *parts,
            "</svg>\n",
        ]
    )
