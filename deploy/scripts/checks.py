"""What no ready-made tool can know of the files under deploy/: whether they fit the program and one another.

Usage: checks.py NAME ROOT [FILE ...]. It prints each fault on a line of its own; the exit status is 1 when there is one.
"""

import json
import re
import sys
from pathlib import Path

import compose_spec
import yaml

root = Path(sys.argv[2])
deploy = root / "deploy"
articles = root / "Sources/OTPWorker/OTPWorker.docc"
faults = []


def expect(condition, fault):
    if not condition:
        faults.append(fault)


def read(path):
    return (deploy / path).read_text()


def documents(path):
    return [document for document in yaml.safe_load_all(Path(path).read_text()) if document]


# --- what the program has -------------------------------------------------------------------------------------------


def metric_names():
    """The names that /metrics has, from the one list of metrics."""
    source = (root / "Sources/OTPObservability/Metrics/Metric.swift").read_text()
    cases = dict(re.findall(r'case (\w+) = "([a-z_]+)"', source))
    histograms = re.findall(r"case \.(\w+):\s+\.histogram", source)
    names = {}
    for case, name in cases.items():
        full = name if name.startswith("process_") else f"otp_worker_{name}"
        names[case] = [full + suffix for suffix in ("_bucket", "_sum", "_count")] if case in histograms else [full]
    return {name for group in names.values() for name in group}


def setting_keys():
    files = (root / "Sources/OTPWorker/Configuration").rglob("Setting+*.swift")
    return {key for file in files for key in re.findall(r'"([a-z_]+\.[a-z_]+)"', file.read_text())}


# --- the checks -----------------------------------------------------------------------------------------------------


def dashboard():
    return json.loads(read("monitoring/grafana/dashboards/otp-worker.json"))


def queries():
    return [
        (panel["title"], target["expr"]) for panel in dashboard()["panels"] for target in panel.get("targets", [])
    ]


def metrics():
    """Dashboard and alerts use only metrics that exist."""
    known = metric_names()
    rules = [(rule["alert"], rule["expr"]) for group in alerts()["groups"] for rule in group["rules"]]
    for title, expression in queries() + rules:
        for name in re.findall(r"\b(?:otp_worker|process)_[a-z_]+\b", expression):
            expect(name in known, f"{title}: there is no metric {name}")
    expect(len(queries()) > 0, "the dashboard asks nothing")


def dashboard_rules():
    """The dashboard's queries as recording rules, so that promtool can parse them."""
    rules = [
        {"record": f"dashboard:query:{number}", "expr": re.sub(r"\$__rate_interval", "1m", expression)}
        for number, (_, expression) in enumerate(queries())
    ]
    print(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))


def alerts():
    return yaml.safe_load(read("monitoring/prometheus/alerts.yaml"))


def rules():
    """Each alert says what an operator needs, has a test, and is the same for the Prometheus operator."""
    tests = read("monitoring/prometheus/alerts.test.yaml")
    guide = articles / "Operations.md"
    for rule in (rule for group in alerts()["groups"] for rule in group["rules"]):
        name, notes = rule["alert"], rule.get("annotations", {})
        words = re.sub(r"(?<!^)(?=[A-Z])", "-", name.removeprefix("OTPWorker")).lower()
        expect(rule.get("labels", {}).get("severity") in ("critical", "warning", "info"), f"{name}: no severity")
        expect(notes.get("summary") and notes.get("description"), f"{name}: no summary, or no description")
        url = f"{guide.relative_to(root)}#{words}"
        expect(notes.get("runbook_url") == url, f"{name}: its runbook_url is not {url}")
        expect(f'alertname="{name}"' in tests, f"{name}: no test")
        if guide.exists():
            heading = rf"(?m)^#+ {words.replace('-', ' ')}$"
            expect(re.search(heading, guide.read_text()), f"{name}: {guide.name} has no section {words}")
    expect(read(OPERATOR_RULES) == operator_rules(), f"{OPERATOR_RULES} is not what deploy/scripts/validate.sh --write makes of alerts.yaml")


OPERATOR_RULES = "kubernetes/components/prometheus-operator/rules.yaml"


def operator_rules():
    """The alerts as the Prometheus operator takes them; their reasons stay where they are written."""
    lines = [line for line in read("monitoring/prometheus/alerts.yaml").splitlines() if not line.lstrip().startswith("#")]
    head = """\
# Made of deploy/monitoring/prometheus/alerts.yaml, which has the reasons, by `deploy/scripts/validate.sh --write`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: otp-worker
spec:
"""
    return head + "".join(f"  {line}\n" if line else "\n" for line in lines).strip("\n") + "\n"


def write_operator_rules():
    (deploy / OPERATOR_RULES).write_text(operator_rules())


def runbook():
    """The runbook's four articles name no metric or setting that is not there."""
    text = "".join((articles / f"{name}.md").read_text() for name in ("Operations", "LogMessages", "Sizing", "Disaster"))
    for name in sorted(set(re.findall(r"\b(?:otp_worker|process)_[a-z_]+", text)) - metric_names()):
        expect(f"{name}_bucket" in metric_names(), f"there is no metric {name}")
    keys = setting_keys()
    sections = {key.split(".")[0] for key in keys}
    for key in sorted(set(re.findall(r"`([a-z_]+\.[a-z_]+)`", text)) - set(keys)):
        expect(key.split(".")[0] not in sections, f"there is no setting {key}")


def links():
    """Each link from a page of the documentation to another leads to a file, and to a section of it if it names one."""
    text = lambda page: re.sub(r"(?ms)^```.*?^```$", "", page.read_text())
    section = lambda words: re.sub(r"[^\w -]", "", words).strip().lower().replace(" ", "-")
    for page in (root / "README.md", deploy / "contract/README.md", *deploy.glob("examples/*/README.md"), *articles.glob("*.md")):
        for link in re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", text(page)):
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            if not target.exists():
                expect(False, f"{page.relative_to(root)}: there is no {name}")
            elif anchor:
                sections = {section(heading) for heading in re.findall(r"(?m)^#+ (.+)$", text(target))}
                expect(section(anchor) in sections, f"{page.relative_to(root)}: there is no section {link}")


def settings():
    """Every setting that is given somewhere under deploy/ exists."""
    keys = setting_keys()
    for path in [*deploy.glob("**/worker.yaml")]:
        for section, values in yaml.safe_load(path.read_text()).items():
            for name in values:
                key = f"{section}.{name}"
                expect(key in keys or key == "kafka.properties", f"{path.relative_to(root)}: there is no setting {key}")
    variables = {"OTP_" + key.upper().replace(".", "_") for key in keys}
    units = ["debian/otp-worker@.service", "debian/otp-worker-monitor.service"]
    pods = ["kubernetes/base/stateful-set.yaml", *(f"kubernetes/components/{name}/deployment.yaml" for name in OBSERVERS)]
    for path in ["image/Dockerfile", "image/compose.yaml", *units, *pods]:
        for name in re.findall(r"(?<![${])\b(OTP_[A-Z_]+)(?=[:=\n])", read(path)):
            expect(name in variables or name == "OTP_REPLICATION", f"{path}: there is no setting {name}")


def compose():
    """The compose file follows its specification, and what it refers to is there."""
    file = yaml.safe_load(read("image/compose.yaml"))
    try:
        compose_spec.PyCompose.from_json(json.dumps(file)).validate()
    except ValueError as error:
        expect(False, f"compose.yaml: {error}")
    services = file["services"]
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            expect(other in services, f"compose.yaml: {name} waits for {other}, which is not there")
        environment = service.get("environment", {})
        words = service.get("command", [])
        if "monitor" in words[:1]:
            expect("--credentials" in words, f"compose.yaml: {name} asks nobody who they are")
        for secret in service.get("secrets", []):
            expect(secret in file.get("secrets", {}), f"compose.yaml: {name} has the secret {secret}, which is not there")
        if "grafana" in service["image"]:
            closed = environment.get("GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION") == "true"
            expect(closed, f"compose.yaml: {name} has an administrator with a default password")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            expect((deploy / "image" / source).exists(), f"compose.yaml: {name} mounts {source}, which is not there")


def versions():
    """The list of the packages that are built in has each that the program asks for, at its least version or newer."""
    lines = [line.split() for line in read("scripts/versions.txt").splitlines() if not line.startswith("#")]
    for line in lines:
        is_whole = len(line) == 4 and re.fullmatch(r"[0-9a-f]{40}", line[2]) and re.fullmatch(r"\d+\.\d+\.\d+", line[1])
        expect(is_whole, f"versions.txt: not a package with version, commit and origin: {' '.join(line)}")
    number = lambda version: [int(part) for part in version.split(".")]
    listed = {line[3].removesuffix(".git"): line[1] for line in lines if len(line) == 4}
    wanted = re.findall(r'\.package\(url: "([^"]+)", from: "([^"]+)"', (root / "Package.swift").read_text())
    expect(wanted, "Package.swift asks for no package")
    for url, least in wanted:
        version = listed.get(url.removesuffix(".git"))
        expect(version and number(version) >= number(least), f"versions.txt: {url} is not there, or older than {least}")
    tools = read("scripts/requirements.txt")
    for tool in re.findall(r"(?m)^[\w.-]+==", tools):
        block = tools.split(tool, 1)[1].split("\n\n")[0]
        expect(re.match(r"\S+ \\\n    --hash=sha256:", block), f"requirements.txt: {tool} has no hash")
    for tool in re.findall(r"(?m)^[\w.-]+==\S+", read("scripts/requirements.in")):
        expect(tool.lower() in tools.lower(), f"requirements.txt: {tool} of requirements.in is not there")


def images():
    """Every image is pinned to a version or a digest; the worker's own, to the program's version."""
    source = (root / "Sources/otp-worker/Commands/VersionCommand.swift").read_text()
    version = re.search(r'number = "([^"]+)"', source)[1]
    expect(f"ARG VERSION={version}\n" in read("image/Dockerfile"), f"Dockerfile: its VERSION is not {version}")
    given = dict(re.findall(r"(?m)^ARG (\w+)=(\S+)", read("image/Dockerfile")))
    stages = re.findall(r"(?m)^FROM (\S+)", read("image/Dockerfile"))
    named = [re.sub(r"\$\{(\w+)\}", lambda name: given.get(name[1], ""), stage) for stage in stages]
    named += [service["image"] for service in yaml.safe_load(read("image/compose.yaml"))["services"].values()]
    for path in sys.argv[3:]:
        for document in documents(path):
            pod = document.get("spec", {}).get("template", {}).get("spec", {})
            named += [container["image"] for container in pod.get("containers", [])]
    for image in named:
        name, _, tag = image.rsplit("/", 1)[-1].partition("@")[0].partition(":")
        expect(name != "otp-worker" or tag == version, f"image {image} is not of version {version}")
        expect("@sha256:" in image or re.search(r"\d", tag), f"image {image} is not pinned to a version")


# Kinds of operators, whose schemas are theirs.
FOREIGN = {"KafkaTopic", "KafkaUser", "PrometheusRule", "ScaledObject", "ServiceMonitor", "TriggerAuthentication"}


def kubernetes():
    """What is said in several places is the same in all."""
    source = (root / "Sources/OTPWorker/Configuration/WorkerConfiguration.swift").read_text()
    drain = int(re.search(r"drainTimeout = Duration.seconds\((\d+)\)", source)[1])
    for path in sys.argv[3:]:
        found = {}
        for document in documents(path):
            found.setdefault(document["kind"], []).append(document)
        place = Path(path).stem
        pod = found["StatefulSet"][0]["spec"]["template"]
        grace = pod["spec"]["terminationGracePeriodSeconds"]
        expect(grace >= drain + 10, f"{place}: {grace} s of grace are too short for a drain of {drain} s")
        selectors = [
            found["StatefulSet"][0]["spec"]["selector"]["matchLabels"],
            found["Service"][0]["spec"]["selector"],
            found["PodDisruptionBudget"][0]["spec"]["selector"]["matchLabels"],
            found["NetworkPolicy"][0]["spec"]["podSelector"].get("matchLabels", {}),
        ]
        for selector in selectors:
            matches = selector and selector.items() <= pod["metadata"]["labels"].items()
            expect(matches, f"{place}: the selector {selector} is not that of the pods")
        for rule in found["NetworkPolicy"][0]["spec"]["egress"]:
            expect(rule.get("to") and rule.get("ports"), f"{place}: the network policy lets out to anybody, or to any port")
        for user in found.get("KafkaUser", []):
            for acl in user["spec"]["authorization"]["acls"]:
                name, may = acl["resource"]["name"], set(acl["operations"])
                who = user["metadata"]["name"]
                expect(name != "*" and "All" not in may, f"{place}: the user {who} may do anything to something")
                is_ledger = name == "otp.verify.ledger" and "Write" in may
                expect(not is_ledger or who == "otp-worker-kafka", f"{place}: the user {who} may write to the ledger")
        for container in pod["spec"]["containers"]:
            mounts = {mount["name"] for mount in container["volumeMounts"]}
            volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
            expect(mounts == volumes, f"{place}: volumes {volumes} and mounts {mounts} differ")
        for deployment in found.get("Deployment", []):
            words = observer(place, deployment, found)
            OBSERVERS.get(words[0], unknown_observer)(place, deployment, found)
        users = {user["metadata"]["name"] for user in found.get("KafkaUser", [])}
        for trigger in found.get("TriggerAuthentication", []):
            secrets = {reference["name"] for reference in trigger["spec"]["secretTargetRef"]} - {"otp-cluster-ca-cert"}
            expect("otp-worker-kafka" not in secrets, f"{place}: KEDA has the workers' own certificate")
            expect(not users or secrets <= users, f"{place}: KEDA's certificate is none of the users {users}")
        partitions = {topic["spec"]["partitions"] for topic in found.get("KafkaTopic", [])}
        expect(len(partitions) <= 1, f"{place}: topics with different numbers of partitions: {partitions}")
        for scaled in found.get("ScaledObject", []):
            most = scaled["spec"]["maxReplicaCount"]
            expect(not partitions or most <= max(partitions), f"{place}: {most} workers for {partitions} partitions")


def observer(place, deployment, found):
    """Anyone who looks at a fleet from beside it has a way out to the brokers alone, and secrets and rights of its own; returns its words."""
    name, pod = deployment["metadata"]["name"], deployment["spec"]["template"]
    container = pod["spec"]["containers"][0]
    policies = [policy for policy in found["NetworkPolicy"] if policy["metadata"]["name"] == name]
    selectors = [deployment["spec"]["selector"]["matchLabels"]]
    selectors += [policy["spec"]["podSelector"].get("matchLabels", {}) for policy in policies]
    expect(policies, f"{place}: {name} has no network policy")
    for selector in selectors:
        matches = selector and selector.items() <= pod["metadata"]["labels"].items()
        expect(matches, f"{place}: the selector {selector} is not that of the pods of {name}")
    for policy in policies:
        for rule in policy["spec"]["egress"]:
            expect(rule.get("to") and rule.get("ports"), f"{place}: {name} is let out to anybody, or to any port")
    mounts = {mount["name"] for mount in container.get("volumeMounts", [])}
    volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
    expect(mounts == volumes, f"{place}: volumes {volumes} and mounts {mounts} of {name} differ")
    secrets = {volume["secret"]["secretName"] for volume in pod["spec"].get("volumes", []) if "secret" in volume}
    expect(secrets <= {"otp-cluster-ca-cert", name}, f"{place}: {name} has secrets that are not its own: {secrets}")
    return container["args"]


def may_read(place, name, found, topics):
    """Of these topics a user may read the records, of all else it may know that it is there."""
    for user in found.get("KafkaUser", []):
        for acl in user["spec"]["authorization"]["acls"] if user["metadata"]["name"] == name else []:
            what, may = acl["resource"]["name"], set(acl["operations"])
            allowed = {"Read", "Describe"} if what in topics else {"Describe"}
            expect(may <= allowed, f"{place}: {name} may {', '.join(sorted(may - allowed))} {what}")


def monitor(place, deployment, found):
    """The monitor is reached by nobody who is not asked who they are, and sees no command."""
    name = deployment["metadata"]["name"]
    words = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    is_closed = words[words.index("--host") + 1] == "127.0.0.1" if "--host" in words else True
    expect(is_closed or "--credentials" in words, f"{place}: {name} listens to all, and asks nobody who they are")
    may_read(place, name, found, {"otp.verify.results", "otp.verify.dead-letters"})


def audit(place, deployment, found):
    """The audit goes on, judges by the fleet's settings, is scraped as the job that the alerts know, and writes nothing."""
    name, pod = deployment["metadata"]["name"], deployment["spec"]["template"]
    words = pod["spec"]["containers"][0]["args"]
    expect("--follow" in words, f"{place}: {name} ends once it has judged what is there")
    fleet = found["StatefulSet"][0]["spec"]["template"]["spec"]["volumes"]
    settings = [volume["configMap"]["name"] for volume in fleet if "configMap" in volume]
    own = [volume["configMap"]["name"] for volume in pod["spec"].get("volumes", []) if "configMap" in volume]
    expect("--config" in words and own == settings, f"{place}: {name} does not judge by the fleet's settings")
    services = [one for one in found["Service"] if one["metadata"]["name"] == name]
    expect(services, f"{place}: {name} has no service for monitoring to find it by")
    for service in services:
        matches = service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        expect(matches, f"{place}: the service {name} does not lead to its pods")
        job = service["metadata"].get("labels", {}).get("app.kubernetes.io/name")
        expect(job == "otp-worker-audit", f"{place}: its job would be {job}, which no alert knows")
        for monitor in found.get("ServiceMonitor", []):
            among = [each["values"] for each in monitor["spec"]["selector"].get("matchExpressions", [])]
            expect(any(job in values for values in among), f"{place}: nobody scrapes {name}")
    topics = {f"otp.verify.{name}" for name in ("commands", "results", "ledger", "dead-letters")}
    may_read(place, name, found, topics)


def unknown_observer(place, deployment, found):
    expect(False, f"{place}: nobody knows what {deployment['metadata']['name']} should be held to")


# Those that look at a fleet from beside it, by command.
OBSERVERS = {"monitor": monitor, "audit": audit}


def foreign():
    """Reads what kubernetes-validate says; a kind without a schema is a fault unless it is an operator's."""
    for line in sys.stdin:
        kind = re.search(r"find schema for kind (\w+)", line)
        expect(kind and kind[1] in FOREIGN, line.strip())


globals()[sys.argv[1]]()
for fault in faults:
    print(fault, file=sys.stderr)
sys.exit(1 if faults else 0)
