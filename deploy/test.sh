#!/usr/bin/env bash
# Checks the whole project: format, layers, unit tests, end-to-end tests against a broker in another process.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/scripts/setup.sh"
cd "$repository"

usage() {
    cat <<'TEXT'
usage: deploy/test.sh [--unit | --release | --simulate | --e2e | --sanitize address|thread]

Without an option: lint, checks of deploy/, build, unit tests, build for release, simulation, end-to-end tests.
  --unit            lint, build and unit tests only
  --release         the build for release, and how many instructions codecs and engine execute for a command
  --simulate        whole simulated fleets, and the mutants that they must catch (SEEDS=20000)
  --e2e             build the worker and run the end-to-end tests only
  --sanitize KIND   the tests of Kafka and Worker under the address or thread sanitizer, in a build folder of their own

OTP_TEST_KAFKA=host:port makes the tests that need a broker use that cluster; otherwise they start their own. Of several nodes name all,
with commas. OTP_TEST_KAFKA_NODE=COMMAND lets them stop its brokers too: COMMAND kill N, COMMAND start N (numbered from 1).
TEXT
}

lint() {
    step "Lint"
    swift format lint --strict --parallel -r Package.swift Sources Tests deploy/examples
}

build() {
    step "Build"
    swift build --build-tests --explicit-target-dependency-import-check error
}

# A test that hangs must end as a failure. An interrupt, unlike SIGTERM, makes SwiftPM and pytest end what they started. At a
# terminal the process group stays the shell's, so that the user's own interrupt reaches it.
within() {
    local limit=$1 status=0 options=(--signal=INT --kill-after=30s)
    shift
    if [ -t 0 ]; then options+=(--foreground); fi
    timeout "${options[@]}" "$limit" "$@" || status=$?
    [ "$status" -ne 124 ] || fail "stopped after $limit: $*"
    return "$status"
}

# One target at a time: tests that wait in system calls (brokers, sockets) would starve those of another of the two threads that
# all asynchronous tests share.
unit_tests() {
    local target
    for target in Tidy Contract Engine Simulation Audit Worker Doctor Command Monitor Observability CheckOTP Sandbox Client Kafka; do
        step "Tests of $target"
        within 8m swift test --skip-build --disable-xctest --filter "^${target}Tests\\."
    done
}

# A build at idle priority takes what the tests beside it leave, which is much, for they wait more than they compute.
start_build() {
    build_log=$(mktemp)
    # Not by `within`: what runs beside its shell is deaf to interrupts, and SIGTERM reaches all that timeout started.
    timeout --kill-after=30s 35m chrt --idle 0 swift build "$@" </dev/null >"$build_log" 2>&1 &
    build_job=$!
    trap 'kill "$build_job" 2>/dev/null || true' EXIT
}

finish_build() {
    wait "$build_job" || fail "exit $? (124: stopped after 35 minutes): $(cat "$build_log")"
    trap - EXIT
    rm "$build_log"
}

# As users build it: what only the optimiser's build refuses is seen here, and what it executes for a command is counted.
start_release_build() { start_build -c release --scratch-path .build-release --product otp-worker; }

finish_release_build() {
    step "Build for release, what is left of it"
    finish_build
    step "Instructions per command"
    Tests/HotPath/count.py --scratch-path .build-release
}

simulation() {
    step "Simulation"
    within 15m Tests/Simulation/run.sh
}

# The example that end-to-end tests start and ask. From nothing it takes 240 s of processor time, two to three minutes on two idle cores.
example_options=(--package-path deploy/examples/verify-service --scratch-path .build-example)

start_example_build() { start_build "${example_options[@]}"; }

finish_example_build() {
    step "Build of the example service, what is left of it"
    finish_build
    OTP_EXAMPLE_BIN=$(swift build "${example_options[@]}" --show-bin-path)/verify-service
    export OTP_EXAMPLE_BIN
}

end_to_end_tests() {
    step "End-to-end tests"
    OTP_WORKER_BIN=$(swift build --show-bin-path)/otp-worker
    export OTP_WORKER_BIN
    within 32m "$venv/bin/python" -m pytest -x -q --durations=15 Tests/EndToEnd
}

sanitized_tests() {
    local options=(--sanitize "$1" --scratch-path "$2")
    step "Build under the $1 sanitizer"
    swift build --build-tests "${options[@]}"
    step "Tests of Kafka and Worker under the $1 sanitizer"
    within 20m swift test --skip-build --disable-xctest "${options[@]}" \
        --filter '^(KafkaTests|WorkerTests)\.'
}

main() {
    local mode=${1:-all} kind=${2:-}
    case "$mode $kind" in
    "--help " | "-h ")
        usage
        return
        ;;
    "all " | "--unit " | "--release " | "--simulate " | "--e2e " | "--sanitize address" | "--sanitize thread") ;;
    *)
        usage >&2
        return 2
        ;;
    esac

    need_swift
    need_packages librdkafka-dev pkg-config kcat openssl
    need_python_tools
    case "$mode" in all | --e2e) need_promtool ;; esac
    case "$mode" in all | --release) need_packages valgrind ;; esac
    # The monitor's pages are looked at in it.
    case "$mode" in all | --e2e) need_packages chromium ;; esac
    # The benchmark's peer in C.
    case "$mode" in all | --e2e) need_packages gcc libc6-dev libcurl4-openssl-dev ;; esac
    case "$mode" in
    all)
        lint
        finish_step
        deploy/scripts/validate.sh
        deploy/scripts/validate.sh --self-test
        build
        start_example_build
        unit_tests
        finish_example_build
        simulation
        start_release_build
        end_to_end_tests
        finish_release_build
        ;;
    --release)
        start_release_build
        finish_release_build
        ;;
    --simulate) simulation ;;
    --unit)
        lint
        build
        unit_tests
        ;;
    --e2e)
        step "Build"
        swift build --product otp-worker
        start_example_build
        finish_example_build
        end_to_end_tests
        ;;
    --sanitize)
        if [ "$kind" = address ]; then sanitized_tests address .build-asan; else sanitized_tests thread .build-tsan; fi
        ;;
    esac
    finish_step
    printf '\nall passed in %d s\n' "$SECONDS" >&2
}

main "$@"
