# Shared by the scripts of this folder, which source it: what they need is there afterwards, and each step is timed.
# shellcheck shell=bash

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tools=$repository/.build-tools
venv=$tools/venv

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Names the step that starts, and says how long the one before it took.
step() {
    finish_step
    step_name=$1
    step_start=$SECONDS
    printf '\n==> %s\n' "$step_name" >&2
}

finish_step() {
    if [ -n "${step_name:-}" ]; then
        printf '==> %s: %d s\n' "$step_name" "$((SECONDS - step_start))" >&2
    fi
    step_name=
}

need_swift() {
    command -v swift >/dev/null || fail "no Swift toolchain on the PATH: install Swift 6.2 or newer from https://www.swift.org/install"
}

# Installs the Debian packages that are missing; asks no registry when none is.
need_packages() {
    local package missing=()
    if ! command -v dpkg-query >/dev/null; then
        printf 'not Debian: going on as if these were installed: %s\n' "$*" >&2
        return
    fi
    for package in "$@"; do
        if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" != installed ]; then
            missing+=("$package")
        fi
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    step "Installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@" </dev/null >/dev/null
    elif command -v sudo >/dev/null; then
        sudo "$@" >/dev/null
    else
        fail "needs root for: $*"
    fi
}

# From Debian's package of Prometheus, which is not installed for it: that would start a Prometheus.
need_promtool() {
    PATH=$PATH:$tools/promtool/usr/bin
    if command -v promtool >/dev/null; then return; fi
    step "Unpacking promtool into .build-tools"
    as_root apt-get update -qq
    mkdir -p "$tools/promtool"
    (cd "$tools/promtool" && apt-get download -qq prometheus >&2)
    dpkg-deb --fsys-tarfile "$tools"/promtool/prometheus_*.deb | tar -x -C "$tools/promtool" ./usr/bin/promtool
}

# The Python tools of the tests, in an environment of their own; installed again only when their list has changed.
need_python_tools() {
    local list=$repository/deploy/scripts/requirements.txt
    need_packages python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || need_packages python3-venv
    if [ ! -x "$venv/bin/python" ] || ! cmp -s "$list" "$venv/requirements.installed"; then
        step "Installing the Python tools into .build-tools"
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$list" >&2
        cp "$list" "$venv/requirements.installed"
    fi
    # The tests find noida-db, the broker that they play against, here.
    PATH=$venv/bin:$PATH
}
