#!/usr/bin/env bash
# Builds the Debian package: program, unit, configuration, manual page, completions.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/setup.sh"
cd "$repository"

usage() {
    cat <<'TEXT'
usage: deploy/debian/package.sh [--binary FILE]

Writes otp-worker_VERSION_ARCHITECTURE.deb into .build-tools/package and prints its path; a list of what is built into the program
(CycloneDX) is in it. It fails when that is not what deploy/scripts/versions.txt says. Without --binary it builds the program
first: for release, with the Swift runtime inside. `deploy/debian/try-package.sh` tries what came out in a bare Debian.
TEXT
}

build() {
    need_swift
    need_packages librdkafka-dev pkg-config
    if [ ! -e Package.resolved ]; then deploy/scripts/versions.sh pin; fi
    step "Build for release"
    swift build -c release --static-swift-stdlib --product otp-worker >&2
    printf '%s\n' "$(swift build -c release --static-swift-stdlib --show-bin-path)/otp-worker"
}

completions() {
    local folder=$1 shell
    mkdir -p "$folder"
    for shell in bash zsh fish; do
        "$STAGE/otp-worker" --generate-completion-script "$shell" >"$folder/$shell"
    done
}

main() {
    local binary
    case "${1:-} ${2:+file}" in
    " ") binary=$(build) ;;
    "--binary file") binary=$2 ;;
    "--help ") usage && return ;;
    *) usage >&2 && return 2 ;;
    esac

    deploy/scripts/versions.sh check
    need_python_tools
    step "Package"
    STAGE=$tools/package
    rm -rf "$STAGE"
    mkdir -p "$STAGE"
    # A private copy without symbols: a third of the size, and stack traces still name exported functions.
    install -m 0755 "$binary" "$STAGE/otp-worker"
    strip "$STAGE/otp-worker"
    ARCH=$(dpkg --print-architecture)
    VERSION=$("$STAGE/otp-worker" --version | awk '{ print $2 }')
    # The same commit gives the same package.
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
    export STAGE ARCH VERSION SOURCE_DATE_EPOCH
    "$STAGE/otp-worker" config example >"$STAGE/worker.yaml"
    python3 deploy/scripts/manual.py "$STAGE/otp-worker" "$VERSION" | gzip -9n >"$STAGE/otp-worker.1.gz"
    completions "$STAGE/completions"
    python3 deploy/scripts/sbom.py Package.resolved "$VERSION" >"$STAGE/otp-worker.cdx.json"
    nfpm package --config deploy/debian/nfpm.yaml --packager deb --target "$STAGE" >&2
    finish_step
    printf '%s\n' "$STAGE"/*.deb
}

main "$@"
