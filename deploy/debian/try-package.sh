#!/usr/bin/env bash
# Tries the package, and what the image installs, in bare Debian roots: nothing of this machine but the kernel and the network.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/setup.sh"
cd "$repository"

usage() {
    cat <<'TEXT'
usage: deploy/debian/try-package.sh FILE.deb

Installs it into a bare Debian 12, has its doctor look, starts a worker and the monitor as their units would, has a command
answered and shown, and removes it without a trace; then replays the last stage of the Dockerfile in another root and starts the
worker from there. Needs root; takes a few minutes.
TEXT
}

root=$tools/root
jobs_file=$tools/try.pids

# Ends what was started, by its process id, and takes the root away.
clean() {
    local process
    while read -r process; do kill "$process" 2>/dev/null || true; done <"$jobs_file"
    wait
    : >"$jobs_file"
    umount "$root/proc" 2>/dev/null || true
    rm -rf "$root"
}

# A fresh root; the first one is kept as an archive for the next.
bare_debian() {
    local archive=$tools/debian-12.tar
    clean
    mkdir -p "$root"
    if [ ! -e "$archive" ]; then
        as_root debootstrap --variant=minbase bookworm "$root.new"
        tar --create --file "$archive" --directory "$root.new" .
        rm -rf "$root.new"
    fi
    tar --extract --file "$archive" --directory "$root"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    mount -t proc proc "$root/proc"
}

# Words, not a function: what is started in the background is then the program itself, and gets the signal.
inside=(chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive)

# In the background, by its own process id.
start() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 &
    printf '%d\n' "$!" >>"$jobs_file"
    started=$!
}

await() {
    local what=$1 end=$((SECONDS + 60))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "not within 60 s: $what"
        read -r -t 0.2 <> <(:) || true
    done
}

is_ready() { exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET /ready HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3 | grep -q ' 200 '; }

page() { exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET / HTTP/1.1\r\nHost: localhost:%s\r\nConnection: close\r\n\r\n' "$1" >&3 && timeout 10 cat <&3; }

shows_a_verdict() { page "$1" | grep verified >/dev/null; }

# One command, answered `verified` by the worker under test.
answers() {
    local session
    session="try-$RANDOM-AB12"
    "${inside[@]}" /usr/bin/otp-worker send --brokers "$brokers" --session "$session" --phone 5324818942 --code AB12 --wait \
        2>/dev/null | grep --quiet '"status":"verified"' || fail "the worker did not verify $session"
}

# Broker and fake Paynet, by the program that is tried.
play_ground() {
    start "$tools/broker.log" "${inside[@]}" /usr/bin/otp-worker broker
    await "the broker's address" grep --quiet : "$tools/broker.log"
    brokers=$(head -n 1 "$tools/broker.log")
    start "$tools/sandbox.log" "${inside[@]}" /usr/bin/otp-worker sandbox --implicit-sessions
    await "the sandbox's address" grep --quiet ^http "$tools/sandbox.log"
    upstream=$(grep --max-count=1 ^http "$tools/sandbox.log")
}

stop() {
    local status=0
    kill -TERM "$1"
    wait "$1" || status=$?
    [ "$status" -eq 0 ] || fail "the worker ended with $status instead of 0"
}

# The words of ExecStart, and the environment that the unit gives to instance 1.
try_unit() {
    local unit=$root/usr/lib/systemd/system/otp-worker@.service words environment confined worker
    read -r -a words <<<"$(sed -n 's/^ExecStart=//p' "$unit")"
    read -r -a environment <<<"$(sed -n 's/^Environment=//p' "$unit" | sed "s/%H/$(hostname)/g; s/%i/1/g" | tr '\n' ' ')"
    [ "$("${inside[@]}" stat -c '%a %U:%G' /etc/otp-worker/worker.yaml)" = "640 root:otp-worker" ] \
        || fail "worker.yaml may be read by others, or not by the workers"
    sed -i "s/^  brokers:.*/  brokers: $brokers/" "$root/etc/otp-worker/worker.yaml"
    printf 'sck_test\n' >"$root/etc/otp-worker/check_otp.key"
    confined=("${inside[@]}" /usr/bin/setpriv --reuid otp-worker --regid otp-worker --clear-groups --no-new-privs
        --inh-caps=-all /usr/bin/env "${environment[@]}" "OTP_CHECK_OTP_URL=$upstream")
    "${confined[@]}" /usr/bin/otp-worker doctor --config /etc/otp-worker/worker.yaml >"$tools/doctor.log" 2>&1 \
        || fail "the doctor is not content: $(cat "$tools/doctor.log")"
    start "$tools/worker.log" "${confined[@]}" "${words[@]}"
    await "the worker is ready" is_ready 9461
    answers
    worker=$started
    try_monitor_unit
    stop "$worker"
}

# The monitor as its unit starts it: it has no key, and shows what the worker just answered.
try_monitor_unit() {
    local words
    # Without the options that its environment would give.
    read -r -a words <<<"$(sed -n 's/^ExecStart=\(.*\) .MONITOR_OPTIONS$/\1/p' "$root/usr/lib/systemd/system/otp-worker-monitor.service")"
    chmod 0000 "$root/etc/otp-worker/check_otp.key"
    start "$tools/monitor.log" "${confined[@]}" "${words[@]}"
    # Not its readiness: the embedded broker tells nothing of a group.
    await "the monitor's page shows the verified command" shows_a_verdict 9480
    stop "$started"
}

try_package() {
    local left
    step "The package in a bare Debian"
    bare_debian
    cp "$1" "$root/tmp/otp-worker.deb"
    "${inside[@]}" apt-get update -qq
    "${inside[@]}" apt-get install -y -qq --no-install-recommends /tmp/otp-worker.deb >"$tools/apt.log" 2>&1 || fail "$(cat "$tools/apt.log")"
    rm "$root/tmp/otp-worker.deb"
    "${inside[@]}" ldd /usr/bin/otp-worker | grep 'not found' && fail "the package names not all that the program needs"
    play_ground
    try_unit

    "${inside[@]}" apt-get purge -y -qq otp-worker >"$tools/apt.log" 2>&1 || fail "$(cat "$tools/apt.log")"
    left=$(
        find "$root" -xdev -path "$root/proc" -prune -o -path "$root/var" -prune -o -iname '*otp*worker*' -print
        grep '^otp-worker' "$root/etc/passwd" || true
    )
    [ -z "$left" ] || fail "a purge leaves behind: $left"
}

# The RUN steps of the last stage, as they stand in the Dockerfile; then the program as the image starts it.
try_image() {
    local steps user
    step "The image's last stage in a bare Debian"
    bare_debian
    steps=$(sed -e '1,/^FROM .*RUNTIME_IMAGE/d' -e '/^#/d' deploy/image/Dockerfile | sed -e ':join' -e '/\\$/N' -e 's/\\\n//' -e 't join' | sed -n 's/^RUN //p')
    "${inside[@]}" /bin/sh -e -c "$steps" >"$tools/apt.log" 2>&1 || fail "$(cat "$tools/apt.log")"
    dpkg-deb --fsys-tarfile "$1" | tar --extract --directory "$root" ./usr/bin/otp-worker
    "${inside[@]}" ldd /usr/bin/otp-worker | grep 'not found' && fail "the image has not all that the program needs"
    play_ground
    user=$(sed -n 's/^USER \([0-9]*\):.*/\1/p' deploy/image/Dockerfile)
    start "$tools/worker.log" "${inside[@]}" /usr/bin/setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs \
        /usr/bin/env "OTP_KAFKA_BROKERS=$brokers" "OTP_CHECK_OTP_URL=$upstream" OTP_CHECK_OTP_SECRET_KEY=sck_test \
        OTP_ADMIN_HOST=0.0.0.0 OTP_ADMIN_PORT=9464 otp-worker run
    await "the worker is ready" is_ready 9464
    answers
    health_check
    stop "$started"
    printf 'size of the root: %s\n' "$(du -sh --exclude=proc "$root" | cut -f 1)" >&2
}

# The HEALTHCHECK's own words.
health_check() {
    local words
    mapfile -t words < <(sed -n 's/^    CMD \(\["bash".*\)/\1/p' deploy/image/Dockerfile | python3 -c 'import json, sys; print(*json.load(sys.stdin), sep="\n")')
    "${inside[@]}" /usr/bin/env OTP_ADMIN_PORT=9464 "${words[@]}" || fail "the health check finds no worker"
    if "${inside[@]}" /usr/bin/env OTP_ADMIN_PORT=1 "${words[@]}" 2>/dev/null; then fail "the health check finds a worker where none is"; fi
}

main() {
    case "${1:-}" in
    *.deb) ;;
    --help | -h) usage && return ;;
    *) usage >&2 && return 2 ;;
    esac
    [ "$(id -u)" -eq 0 ] || fail "needs root, for chroot"
    need_packages debootstrap
    need_python_tools
    : >"$jobs_file"
    trap clean EXIT
    try_package "$1"
    try_image "$1"
    finish_step
    printf '\nthe package and the image have all that they need\n' >&2
}

main "$@"
