#!/usr/bin/env bash
# The simulation as CI runs it: many seeds with complete coverage, then every mutant must be caught.
#   SEEDS=1000000 Tests/Simulation/run.sh    a longer run
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec python3 Tests/Simulation/mutation.py --honest "${SEEDS:-20000}"
