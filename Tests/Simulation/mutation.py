#!/usr/bin/env python3
"""Builds the engine's copy with every mutant behind a switch, once, and runs each until the simulation catches it.

    Tests/Simulation/mutation.py            all of them, two at a time
    Tests/Simulation/mutation.py NAME ...   some of them
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutants import MUTANTS

ROOT = Path(__file__).absolute().parents[2]
COPY = ROOT / ".build-mutants"
SWITCH = """#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

enum Mutant {
    private static let active = getenv("SIMULATION_MUTANT").flatMap { Int(String(cString: $0)) } ?? 0
    static func isActive(_ number: Int) -> Bool { active == number }
}
"""
# Ways in which a shell can fail the engine, with the seed to begin at; each is caught within SHELL_SEEDS.
SHELL_FIRST = {"proofNotAwaited": 22_470, "restoreStopsAtStable": 339, "metadataNewerThanBatch": 328, "metadataWithoutMember": 967,
               "earlyJoinNotNoticed": 5_500}
SHELL_SEEDS = 2_000
REPEATED_SEEDS = 1_000


def refresh(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists() or target.read_text() != source:
        target.write_text(source)


def copy_sources():
    for folder in ["Sources/OTPContract", "Tests/SimulationKit", "Tests/Simulation"]:
        wanted = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.swift")}
        for path in wanted:
            refresh((ROOT / path).read_text(), COPY / path)
        for path in (COPY / folder).rglob("*.swift"):
            if path.relative_to(COPY) not in wanted:
                path.unlink()


def mutate_engine():
    # A module has one file of a name: its folders do not matter to the copy.
    texts = {path.name: path.read_text() for path in (ROOT / "Sources/OTPEngine").rglob("*.swift")}
    pristine = dict(texts)
    for number, mutant in enumerate(MUTANTS, 1):
        count = pristine.get(mutant.file, "").count(mutant.original)
        if count != 1:
            sys.exit(f"{mutant.name}: its snippet occurs {count} times in {mutant.file}; bring it up to date")
        if texts[mutant.file].count(mutant.original) != 1:
            sys.exit(f"{mutant.name}: its snippet overlaps another mutant's in {mutant.file}")
        texts[mutant.file] = texts[mutant.file].replace(mutant.original, mutant.switch(number))
    texts["Mutant.swift"] = SWITCH
    folder = COPY / "Sources/OTPEngine"
    for name, text in texts.items():
        refresh(text, folder / name)
    for path in folder.glob("*.swift"):
        if path.name not in texts:
            path.unlink()


def package():
    manifest = (ROOT / "Package.swift").read_text()
    version = lambda name: re.search(rf'\.package\(url: "[^"]*/{name}"[^\n]*\),', manifest).group(0)
    refresh(f"""// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
let package = Package(
    name: "otp-worker",
    platforms: [.macOS(.v15)],
    dependencies: [
        {version("swift-argument-parser")}
        {version("swift-collections")}
    ],
    targets: [
        .target(name: "OTPContract", swiftSettings: settings),
        .target(name: "OTPEngine", dependencies: [
            "OTPContract", .product(name: "DequeModule", package: "swift-collections"),
            .product(name: "HeapModule", package: "swift-collections")], swiftSettings: settings),
        .target(name: "SimulationKit", dependencies: ["OTPContract", "OTPEngine"], path: "Tests/SimulationKit", swiftSettings: settings),
        .executableTarget(name: "simulate", dependencies: [
            "SimulationKit", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/Simulation", swiftSettings: settings),
    ])
""", COPY / "Package.swift")
    resolved = ROOT / "Package.resolved"
    if resolved.exists() and not (COPY / "Package.resolved").exists():
        shutil.copy(resolved, COPY / "Package.resolved")


def build():
    copy_sources()
    mutate_engine()
    package()
    done = subprocess.run(["swift", "build", "-c", "release", "--product", "simulate"], cwd=COPY, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout[-6000:] + done.stderr[-3000:])
    return COPY / ".build/release/simulate"


def hunt(simulate, name, first, seeds, arguments, number=0):
    environment = dict(os.environ, SIMULATION_MUTANT=str(number))
    began = time.monotonic()
    command = [str(simulate), "--from", str(first), "--seeds", str(seeds), "--until-failure", "--partial", "--jobs", "1", *arguments]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    found = re.search(r"FAIL (.*?)  \|.*--seed (\d+)", run.stdout)
    seconds = time.monotonic() - began
    if found:
        print(f"caught  {name:36} seed {int(found.group(2)):>6}  {seconds:5.1f} s  {found.group(1)[:90]}", flush=True)
    elif run.returncode not in (0, 1):
        # It says nothing of the mutant: the run ended before its seeds did.
        print(f"DIED    {name:36} with status {run.returncode} from seed {first}  {seconds:5.1f} s", flush=True)
    else:
        print(f"MISSED  {name:36} in {seeds} seeds from {first}  {seconds:5.1f} s", flush=True)
    return bool(found)


def arguments():
    parser = argparse.ArgumentParser(description="Every mutant must be caught.")
    parser.add_argument("names", nargs="*", help="some mutants instead of all")
    parser.add_argument("--patient", action="store_true", help="twenty times the seeds, to find where a new one is caught")
    parser.add_argument("--honest", type=int, default=0, metavar="SEEDS", help="first run so many seeds of the engine as it is")
    return parser.parse_args()


def is_repeatable(simulate):
    """Whether a seed is the same in every process: what the order of a dictionary decided would not be."""
    command = [str(simulate), "--seeds", str(REPEATED_SEEDS), "--partial"]
    runs = [subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[-1] for _ in range(3)]
    if len({re.sub(r".*\): ", "", line) for line in runs}) == 1:
        return True
    print("FAIL the same seeds went otherwise in another process:", *runs, sep="\n    ")
    return False


def main():
    options = arguments()
    patience = 20 if options.patient else 1
    simulate = build()
    # The same binary with no mutant active is the engine as it is.
    if options.honest and subprocess.run([str(simulate), "--seeds", str(options.honest)]).returncode:
        sys.exit(1)
    if options.honest and not is_repeatable(simulate):
        sys.exit(1)
    shell = re.findall(r"^    case (\w+)$", (ROOT / "Tests/SimulationKit/ShellFault.swift").read_text(), re.MULTILINE)
    jobs = [(m.name, m.first, m.seeds * patience, [], n) for n, m in enumerate(MUTANTS, 1)]
    jobs += [
        ("shell:" + name, SHELL_FIRST.get(name, 1), SHELL_SEEDS * patience, ["--shell-fault", name], 0) for name in shell
    ]
    if options.names:
        jobs = [job for job in jobs if job[0] in options.names]
    with ThreadPoolExecutor(max_workers=2) as pool:
        caught = list(pool.map(lambda job: hunt(simulate, *job), jobs))
    print(f"{sum(caught)} of {len(caught)} mutants caught")
    sys.exit(0 if all(caught) and caught else 1)


if __name__ == "__main__":
    main()
