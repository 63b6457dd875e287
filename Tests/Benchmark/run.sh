#!/usr/bin/env bash
# Measures the worker against the peers of this folder; installs what is missing, and builds what OTP_WORKER_BIN does not name.
#   Tests/Benchmark/run.sh --help
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../../deploy/scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../deploy/scripts/setup.sh"

need_packages gcc libc6-dev librdkafka-dev libcurl4-openssl-dev pkg-config kcat
need_python_tools
if [ -z "${OTP_WORKER_BIN:-}" ]; then
    need_swift
    step "Build"
    (cd "$repository" && swift build -c release --product otp-worker >&2)
    OTP_WORKER_BIN=$(cd "$repository" && swift build -c release --show-bin-path)/otp-worker
    export OTP_WORKER_BIN
fi
finish_step
exec "$venv/bin/python" "$repository/Tests/Benchmark/benchmark.py" "$@"
