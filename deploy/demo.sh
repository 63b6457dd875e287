#!/usr/bin/env bash
# Builds the worker and plays the card-storage flow on an embedded broker and a fake Paynet; nothing else is needed.
# Arguments go to `otp-worker demo`; see `deploy/demo.sh --help`.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/scripts/setup.sh"
cd "$repository"

need_swift
need_packages librdkafka-dev pkg-config

step "Building (a first build takes minutes, the next ones seconds)"
swift build --product otp-worker >&2
worker=$(swift build --show-bin-path)/otp-worker
finish_step

exec "$worker" demo "$@"
