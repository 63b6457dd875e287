"""What a command costs this worker, beside a peer in Python and a floor in C that do less: run.sh starts it with all that it needs.

Each round runs every contender in turn, on topics, a group and an upstream of its own (measure.py says how). Broker, upstream, reader and
contender share the machine, so figures of one machine, in one run, compare with each other only; the ratios are the ones to quote, and only
from a quiet machine. With the embedded broker they say nothing about Kafka: name a cluster of yours in OTP_TEST_KAFKA.

    Tests/Benchmark/run.sh --rounds 3 --output figures
    OTP_TEST_KAFKA=127.0.0.1:9092 Tests/Benchmark/run.sh --commands 100000 --only worker,c --plain
    OTP_TEST_KAFKA=127.0.0.1:9092 Tests/Benchmark/run.sh --curves rate,partitions
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import curves
import measure
import report


def measure_all(names: list[str], rounds: int, given: measure.Conditions) -> report.Rounds:
    figures: report.Rounds = {name: [] for name in names}
    for turn in range(rounds):
        # Another one begins each round: a broker that has just started serves the first one worse.
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            with tempfile.TemporaryDirectory() as folder:
                figures[name].append(measure.run(name, given, folder))
            one = figures[name][-1]
            print(f"round {turn + 1}, {name}: {one.cpu_us:.0f} CPU-us per command, {one.results_per_second:,.0f} results/s", file=sys.stderr)
    return figures


def among(known: list[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return names

    return names


def options() -> argparse.Namespace:
    usual = measure.Conditions()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=usual.commands, help="all at once, after a tenth as many to warm up (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of all contenders in turn (%(default)s)")
    parser.add_argument("--rate", type=int, default=usual.rate, help="commands a second afterwards (%(default)s)")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="for how long at that rate (%(default)s)")
    parser.add_argument("--in-flight", type=int, default=usual.in_flight, help="calls at a time (%(default)s)")
    parser.add_argument("--upstream-ms", type=int, default=usual.upstream_ms, help="how long an answer takes (%(default)s)")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--tls", action="store_true", default=True, help="the upstream speaks HTTPS: so it is unless told otherwise")
    way.add_argument("--plain", action="store_false", dest="tls", help="HTTP instead")
    parser.add_argument("--partitions", type=int, default=usual.partitions, help="of each topic (%(default)s)")
    parser.add_argument("--only", type=among(list(report.NAMES)), default=list(report.NAMES), metavar="NAMES", help="of worker,python,c")
    known = ",".join(curves.CURVES)
    parser.add_argument("--curves", type=among(list(curves.CURVES)), metavar="NAMES", help=f"the worker alone, as one thing changes: of {known}")
    parser.add_argument("--workers", type=int, default=usual.workers, help="of this project (%(default)s)")
    parser.add_argument("--json", action="store_true", help="JSON instead of the table")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where to write benchmark.txt, .json and .svg too")
    return parser.parse_args()


def main() -> None:
    given = options()
    conditions = measure.Conditions(**{field.name: getattr(given, field.name) for field in dataclasses.fields(measure.Conditions)})
    if given.curves:
        print(curves.run(conditions, given.curves))
        return
    rounds = measure_all(given.only, given.rounds, conditions)
    table, data = report.table(rounds, conditions), json.dumps(report.as_json(rounds, conditions), indent=1, ensure_ascii=False)
    print(data if given.json else table)
    if given.output:
        given.output.mkdir(parents=True, exist_ok=True)
        contents = {"txt": table + "\n", "json": data + "\n", "svg": report.chart(rounds, conditions)}
        for kind, content in contents.items():
            (given.output / f"benchmark.{kind}").write_text(content)


if __name__ == "__main__":
    main()
