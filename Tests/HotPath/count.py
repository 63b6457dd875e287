#!/usr/bin/env python3
"""Counts what the codecs and the engine execute for one command, and fails where that is more than what is kept here.

    Tests/HotPath/count.py            the guard of CI
    Tests/HotPath/count.py --where    and the functions in which they lie

Instructions under valgrind are the same on a busy machine and on an idle one: hashing is made repeatable, and what the start costs is
taken out by counting two runs of different length.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHORT, LONG = 1_000, 4_000
# Per command, of the build for release. Lower it with what made it lower; anyone who raises it says what for.
KEPT = 107_100
MARGIN = 0.05


def build(scratch: str) -> Path:
    command = ["swift", "build", "-c", "release", "--scratch-path", scratch]
    subprocess.run([*command, "--product", "hot-path"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    path = subprocess.run([*command, "--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True)
    return Path(path.stdout.strip()) / "hot-path"


def instructions(program: Path, commands: int, profile: Path) -> int:
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", program, str(commands)],
        env=dict(os.environ, SWIFT_DETERMINISTIC_HASHING="1"), capture_output=True, text=True, timeout=300)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        sys.exit(f"hot-path failed:\n{done.stdout}{done.stderr}")
    return int(found.group(1))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--where", action="store_true")
    arguments.add_argument("--scratch-path", default=".build", help="the folder of the build (%(default)s)")
    given = arguments.parse_args()
    wants_functions = given.where
    program = build(given.scratch_path)
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        short = instructions(program, SHORT, profile)
        count = (instructions(program, LONG, profile) - short) // (LONG - SHORT)
        if wants_functions:
            subprocess.run(["callgrind_annotate", "--inclusive=no", profile], check=True)
    print(f"{count} instructions per command in codecs and engine; kept: {KEPT}")
    if count > KEPT * (1 + MARGIN):
        sys.exit(f"more than {MARGIN:.0%} over what is kept in Tests/HotPath/count.py")
    if count < KEPT * (1 - MARGIN):
        sys.exit(f"it has become less: keep {count} in Tests/HotPath/count.py, so that it stays so")


if __name__ == "__main__":
    main()
