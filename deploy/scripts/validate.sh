#!/usr/bin/env bash
# Checks everything under deploy/ that can be checked without a container engine or a cluster.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$repository"

usage() {
    cat <<'TEXT'
usage: deploy/scripts/validate.sh [--self-test | --check NAME [TREE] | --write]

Without an option: every check.
  --check NAME [TREE]  one check alone, of this tree or of a copy
  --self-test          breaks copies of the files in turn, and fails if that goes unnoticed
  --write              makes the Prometheus operator's alerts of deploy/monitoring/prometheus/alerts.yaml, where they are edited
TEXT
}

# The tree that is looked at.
root=$repository
scratch=

# Shows what a tool says only when it finds fault.
quietly() {
    "$@" >"$scratch/said" 2>&1 || fail "$(cat "$scratch/said")"
}

check() { python3 "$repository/deploy/scripts/checks.py" "$1" "$root" "${@:2}"; }

check_scripts() {
    (cd "$root" && shellcheck --external-sources deploy/*.sh deploy/scripts/*.sh deploy/debian/*.sh deploy/debian/{postinst,prerm,postrm})
}

check_image() {
    hadolint "$root/deploy/image/Dockerfile"
    check images
}

check_compose() { check compose; }

check_settings() { check settings; }

check_versions() { check versions; }

# Each overlay as it is, and each component on the base alone, as somebody would pick it.
render() {
    local output=$1 folder=$scratch/kubernetes overlay component
    mkdir -p "$output"
    cp -r "$root/deploy/kubernetes" "$folder"
    kubectl kustomize "$folder/base" >"$output/base.yaml"
    for overlay in "$folder"/overlays/*/; do
        kubectl kustomize "$overlay" >"$output/$(basename "$overlay").yaml"
    done
    mkdir "$folder/picked"
    for component in "$folder"/components/*/; do
        printf 'resources: [../base]\ncomponents: [../components/%s]\n' "$(basename "$component")" \
            >"$folder/picked/kustomization.yaml"
        kubectl kustomize "$folder/picked" >"$output/$(basename "$component").yaml"
    done
}

check_kubernetes() {
    local output=$scratch/rendered status=0
    render "$output"
    kubernetes-validate --strict --quiet "$output"/*.yaml >"$output/findings" 2>&1 || status=$?
    check foreign <"$output/findings"
    [ "$status" -eq 0 ] || fail "kubernetes-validate: $status"
    check kubernetes "$output"/*.yaml
    check images "$output"/*.yaml
}

check_alerts() {
    quietly promtool check rules "$root/deploy/monitoring/prometheus/alerts.yaml"
    quietly promtool check config "$root/deploy/monitoring/prometheus/prometheus.yaml"
    check rules
}

check_alert_tests() {
    quietly promtool test rules "$root/deploy/monitoring/prometheus/alerts.test.yaml"
}

check_runbook() { check runbook; }

check_links() { check links; }

check_dashboard() {
    check metrics
    check dashboard_rules >"$scratch/dashboard.yaml"
    quietly promtool check rules "$scratch/dashboard.yaml"
}

# The program and its user are not on this machine; all else in the units must be as systemd knows it, and as closed as it was.
check_unit() {
    local unit name findings
    for name in otp-worker@.service otp-worker-monitor.service; do
        unit=$scratch/$name
        sed 's|/usr/bin/otp-worker|/bin/true|' "$root/deploy/debian/$name" >"$unit"
        findings=$(systemd-analyze verify --man=no --recursive-errors=no "$unit" 2>&1) || fail "$findings"
        [ -z "$findings" ] || fail "$findings"
        quietly systemd-analyze security --offline=true --threshold=15 --no-pager "$unit"
    done
}

checks=(scripts image versions compose settings kubernetes alerts alert_tests runbook links dashboard unit)

# `check | file | sed expression`: a copy that is broken so must be refused by that check.
# shellcheck disable=SC2016 # the dollars are the broken file's
breaks=(
    'scripts    | deploy/demo.sh                                           | s/"\$@"/$@/'
    'scripts    | deploy/debian/postinst                                   | s/restart "\$unit"/restart $unit/'
    'image      | deploy/image/Dockerfile                                  | s/--no-install-recommends/--quiet/'
    'image      | deploy/image/Dockerfile                                  | s/=debian:.*/=debian:latest/'
    'image      | Sources/otp-worker/Commands/VersionCommand.swift         | s/"0\.[0-9.]*"/"99.0.0"/'
    'image      | deploy/image/compose.yaml                                | s|grafana/grafana:.*|grafana/grafana|'
    'versions   | deploy/scripts/versions.txt                              | /^swift-nio / d'
    'versions   | deploy/scripts/versions.txt                              | s/^yams 6[.0-9]*/yams 5.0.0/'
    'versions   | deploy/scripts/versions.txt                              | s/^swift-log \([.0-9]*\) [0-9a-f]*/swift-log \1 main/'
    'versions   | deploy/scripts/requirements.txt                          | /^pytest==/,/^$/ { /--hash/ d }'
    'versions   | deploy/scripts/requirements.in                           | s/^pytest==.*/pytest==99.0/'
    'compose    | deploy/image/compose.yaml                                | /DISABLE_INITIAL_ADMIN/ d'
    'compose    | deploy/image/compose.yaml                                | s/^    healthcheck:/    helthcheck:/'
    'compose    | deploy/image/compose.yaml                                | s/sandbox: {condition/sandpit: {condition/'
    'compose    | deploy/image/compose.yaml                                | s|monitoring/prometheus/alerts.yaml|monitoring/prometheus/alarms.yaml|'
    'settings   | deploy/image/compose.yaml                                | s/OTP_CHECK_OTP_URL/OTP_CHECK_URL/'
    'settings   | deploy/debian/worker.yaml                                | s/secret_key_file/secret_file/'
    'settings   | deploy/debian/otp-worker@.service                        | s/OTP_KAFKA_GROUP_INSTANCE_ID/OTP_KAFKA_INSTANCE/'
    'kubernetes | deploy/kubernetes/base/stateful-set.yaml                 | s/minReadySeconds/minimumReadySeconds/'
    'kubernetes | deploy/kubernetes/base/stateful-set.yaml                 | s/GracePeriodSeconds: 40/GracePeriodSeconds: 20/'
    'kubernetes | deploy/kubernetes/base/stateful-set.yaml                 | s/image: otp-worker:0.1.0/image: otp-worker/'
    'kubernetes | deploy/kubernetes/base/network-policy.yaml               | s/podSelector: .*/podSelector: {}/'
    'kubernetes | deploy/kubernetes/base/network-policy.yaml               | /# The brokers/,/9092/ { /- to:/ d; /namespaceSelector/ d; s/      ports:/    - ports:/ }'
    'kubernetes | deploy/kubernetes/components/keda/scaled-object.yaml     | s/otp-worker-keda/otp-worker-kafka/'
    'kubernetes | deploy/kubernetes/components/strimzi/clients.yaml        | s/name: otp.verify.commands/name: otp.verify.ledger/'
    'kubernetes | deploy/kubernetes/components/monitor/deployment.yaml     | s/--host, 127.0.0.1/--host, 0.0.0.0/'
    'kubernetes | deploy/kubernetes/components/monitor/network-policy.yaml | s/podSelector: .*/podSelector: {}/'
    'kubernetes | deploy/kubernetes/components/strimzi/monitor-certificates.yaml | s/secretName: otp-worker-monitor/secretName: otp-worker-kafka/'
    'kubernetes | deploy/kubernetes/components/strimzi/clients.yaml        | /name: otp-worker-monitor/,/name: otp-worker-keda/ s/operations: .Describe./operations: [Read, Describe]/'
    'kubernetes | deploy/kubernetes/components/audit/deployment.yaml       | s/--follow, //'
    'kubernetes | deploy/kubernetes/components/audit/deployment.yaml       | s/configMap: {name: otp-worker}/secret: {secretName: otp-worker}/'
    'kubernetes | deploy/kubernetes/components/audit/network-policy.yaml   | s/podSelector: .*/podSelector: {}/'
    'kubernetes | deploy/kubernetes/components/audit/service.yaml          | s/labels: {app.kubernetes.io.name: otp-worker-audit/labels: {app.kubernetes.io\/name: audit/'
    'kubernetes | deploy/kubernetes/components/prometheus-operator/service-monitor.yaml | s/, otp-worker-audit//'
    'kubernetes | deploy/kubernetes/components/strimzi/audit-certificates.yaml | s/secretName: otp-worker-audit/secretName: otp-worker-kafka/'
    'kubernetes | deploy/kubernetes/components/strimzi/clients.yaml        | /name: otp-worker-audit/,/name: otp-worker-keda/ s/operations: .Read, Describe./operations: [Read, Write, Describe]/'
    'compose    | deploy/image/compose.yaml                                | s/--credentials, .run.secrets.monitor, //'
    'kubernetes | deploy/kubernetes/base/disruption-budget.yaml            | s/maxUnavailable/maximumUnavailable/'
    'kubernetes | deploy/kubernetes/overlays/test/kustomization.yaml       | s|../../base|../../basis|'
    'kubernetes | deploy/kubernetes/components/strimzi/topics.yaml         | 0,/partitions: 12/ s//partitions: 8/'
    'kubernetes | deploy/kubernetes/components/strimzi/user.yaml           | s/kind: KafkaUser/kind: KafkaPerson/'
    'kubernetes | deploy/kubernetes/components/keda/kustomization.yaml     | s|/spec/replicas|/spec/replikas|'
    'kubernetes | deploy/kubernetes/components/keda/scaled-object.yaml     | s/maxReplicaCount: 12/maxReplicaCount: 24/'
    'alerts     | deploy/monitoring/prometheus/alerts.yaml                 | s/sum by (namespace, job) (rate/sum by (namespace, job (rate/'
    'alerts     | deploy/monitoring/prometheus/alerts.yaml                 | s/#partition-parked/#parked/'
    'alerts     | deploy/monitoring/prometheus/alerts.yaml                 | s/for: 1h/for: 2h/'
    'alerts     | deploy/monitoring/prometheus/prometheus.yaml             | s/scrape_interval/scrape_pause/'
    'alert_tests| deploy/monitoring/prometheus/alerts.yaml                 | s/otp_worker_parked_partitions > 0/otp_worker_parked_partitions > 9/'
    'alert_tests| deploy/monitoring/prometheus/alerts.yaml                 | s/(otp_worker_audit_offences_total) > 0/(otp_worker_audit_offences_total) > 1/'
    'alert_tests| deploy/monitoring/prometheus/alerts.yaml                 | s/ or up{job="otp-worker-audit"} == 0//'
    'runbook    | Sources/OTPWorker/OTPWorker.docc/Operations.md           | s/otp_worker_waiting_commands/otp_worker_waiting/'
    'runbook    | Sources/OTPWorker/OTPWorker.docc/Sizing.md               | s/`ledger.retention`/`ledger.memory`/'
    'links      | Sources/OTPWorker/OTPWorker.docc/Sizing.md               | s/^## Keys$/## Secrets/'
    'links      | Sources/OTPWorker/OTPWorker.docc/LogMessages.md          | s/(Disaster.md)/(Disasters.md)/'
    'links      | README.md                                                | s/#growing/#shrinking/'
    'alerts     | Sources/OTPWorker/OTPWorker.docc/Operations.md           | /^### loop late$/ d'
    'dashboard  | deploy/monitoring/grafana/dashboards/otp-worker.json     | s/otp_worker_commands_total/otp_worker_comands_total/'
    'dashboard  | deploy/monitoring/grafana/dashboards/otp-worker.json     | s/sum by (status) (rate/sum by (status (rate/'
    'dashboard  | Sources/OTPObservability/Metrics/Metric.swift            | s/"partition_lag"/"partition_delay"/'
    'unit       | deploy/debian/otp-worker@.service                        | s/WatchdogSec/WatchDogSec/'
    'unit       | deploy/debian/otp-worker@.service                        | /^Protect/ d; /^SystemCall/ d'
    'unit       | deploy/debian/otp-worker-monitor.service                 | /^Protect/ d; /^SystemCall/ d'
    'unit       | deploy/debian/otp-worker-monitor.service                 | s/^Restart=always/Restart=ever/'
)

trim() { sed 's/^ *//; s/ *$//' <<<"$1"; }

self_test() {
    local entry name file expression survivors=0 copy=$scratch/copy
    for entry in "${breaks[@]}"; do
        name=$(trim "${entry%%|*}")
        entry=${entry#*|}
        file=$(trim "${entry%%| *}")
        expression=$(trim "${entry#*| }")
        rm -rf "$copy"
        mkdir -p "$copy"
        tar -c --exclude='.build*' deploy Sources Package.swift README.md | tar -x -C "$copy"
        sed -i "$expression" "$copy/$file"
        if cmp -s "$file" "$copy/$file"; then
            printf '%s: nothing to break: %s\n' "$file" "$expression" >&2
            survivors=$((survivors + 1))
        elif deploy/scripts/validate.sh --check "$name" "$copy" >/dev/null 2>&1; then
            printf '%s: unnoticed by the check of %s: %s\n' "$file" "$name" "$expression" >&2
            survivors=$((survivors + 1))
        fi
    done
    [ "$survivors" -eq 0 ] || fail "$survivors broken copies went unnoticed"
    printf '%d broken copies, all noticed\n' "${#breaks[@]}" >&2
}

main() {
    local mode=${1:-all} name
    case "$mode" in
    all | --self-test | --write) ;;
    --check)
        declare -F "check_${2:-}" >/dev/null || fail "no check is called '${2:-}'; there are: ${checks[*]}"
        checks=("$2")
        root=${3:-$repository}
        ;;
    --help | -h) usage && return ;;
    *) usage >&2 && return 2 ;;
    esac
    need_packages shellcheck systemd
    need_promtool
    need_python_tools
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    if [ "$mode" = --write ]; then
        check write_operator_rules
    elif [ "$mode" = --self-test ]; then
        step "Self-test of the checks of deploy/"
        self_test
    else
        for name in "${checks[@]}"; do
            step "Check of deploy/: ${name//_/ }"
            "check_$name"
        done
    fi
    finish_step
}

main "$@"
