"""`otp-worker doctor` sees what is broken, says what to do, and disturbs nobody."""

import json
import os

import pytest
from confluent_kafka import Consumer, Producer

import harness
import quotas


def doctor(bench, settings=None, environment=None, arguments=(), url=None):
    """Its findings by check, and its exit code; no secret is ever in what it says."""
    words = ["doctor", "--json", *arguments]
    for key, value in {**bench.settings("worker-0", url), **(settings or {})}.items():
        words += ["--set", f"{key}={value}"]
    secret = {"OTP_CHECK_OTP_SECRET_KEY": harness.KEY}
    done = bench.run(*words, environment={**secret, **(environment or {})})
    assert harness.KEY not in done.stdout + done.stderr
    assert "Fatal error" not in done.stderr
    told = json.loads(done.stdout)
    findings = {}
    for finding in told["findings"]:
        findings.setdefault(finding["check"], []).append(finding)
    return findings, done.returncode


def wrong(findings):
    return {check for check, found in findings.items() for one in found if one["severity"] in ("failure", "warning")}


def only(findings, check, *words):
    """That check alone is not as it should be, and says so with these words."""
    assert wrong(findings) == {check}, findings
    told = " ".join(f"{one['message']} {one['remedy'] or ''}" for one in findings[check])
    for word in words:
        assert word in told, told


def test_all_is_well(bench, sandbox):
    sandbox(environment={"OTP_SANDBOX_SECRET_KEY": harness.KEY})
    findings, code = doctor(bench)
    assert (wrong(findings), code) == (set(), 0), findings
    assert findings["upstream.egress"][0]["message"] == "the upstream sees 127.0.0.1"
    # Each right was tried: read twice, write thrice, commit once.
    assert [len(findings[f"access.{right}"]) for right in ("read", "write", "group", "transactions")] == [2, 3, 1, 1]
    # Nobody sees what it wrote, and nothing was asked about any code.
    assert [bench.records(topic) for topic in (bench.results, bench.ledger, bench.dead_letters)] == [[], [], []]
    assert [call["method"] for call in bench.sandbox.calls()] == ["GET"]


def test_a_working_fleet_is_left_alone(bench, sandbox, worker, results):
    sandbox()
    fleet = [worker(f"worker-{slot}").wait_ready() for slot in range(2)]
    harness.until("each has its half", lambda: [process.metric("assigned_partitions") for process in fleet] == [4, 4])
    rebalances = [process.metric("rebalances_total") for process in fleet]
    sessions = [f"s{number}-ab{number:02}" for number in range(40)]
    for session in sessions[:20]:
        bench.produce([(session, harness.command(session, harness.right_code(session)))])
    findings, code = doctor(bench)
    assert (wrong(findings), code) == (set(), 0), findings
    assert findings["access.group"][0]["severity"] == "skipped"
    assert "2 members" in findings["kafka.group_id"][0]["message"]
    for session in sessions[20:]:
        bench.produce([(session, harness.command(session, harness.right_code(session)))])
    results.wait(40)
    assert [process.metric("rebalances_total") for process in fleet] == rebalances
    assert all(process.metric("transaction_aborts_total") == 0 for process in fleet)


def test_read_only_writes_nothing(bench, sandbox):
    sandbox()
    findings, code = doctor(bench, arguments=["--read-only"])
    assert (wrong(findings), code) == (set(), 0)
    assert findings["access.transactions"][0]["severity"] == "skipped"
    assert "access.write" not in findings


def test_wrong_settings(bench):
    findings, code = doctor(bench, {"ledger.retention": "1m", "kafka.sesion_timeout": "5s"}, url="http://127.0.0.1:9")
    assert code == 2
    assert wrong(findings) == {"ledger.retention", "kafka.sesion_timeout"}
    assert findings["kafka.sesion_timeout"][0]["remedy"] == "did you mean kafka.session_timeout?"


@pytest.mark.parametrize(
    ("settings", "check", "words"),
    [
        ({"kafka.brokers": "127.0.0.1:1"}, "kafka.brokers", ["refused", "that the brokers run"]),
        ({"kafka.brokers": "nowhere.invalid:9092"}, "kafka.brokers", ["resolve", "name resolution"]),
        ({"kafka.properties.linger.ms": "often"}, "kafka.properties", ["linger.ms", "correct or remove"]),
        ({"topics.results": "no-such-topic"}, "topics.results", ["no-such-topic does not exist", "otp-worker topics"]),
        ({"results.allowed_reply_topics": "no-such-reply"}, "results.allowed_reply_topics", ["no-such-reply", "create it"]),
        ({"check_otp.url": "http://127.0.0.1:1"}, "check_otp.url", ["nobody listens there", "firewall"]),
        ({"check_otp.url": "https://nowhere.invalid"}, "check_otp.url", ["has no address", "name resolution"]),
        ({"check_otp.client_certificate_file": "/etc/hostname", "check_otp.client_key_file": "/etc/hostname",
          "check_otp.url": "https://127.0.0.1:1"}, "check_otp.client_certificate_file", ["not a PEM certificate"]),
    ],
)  # fmt: skip
def test_what_is_broken(bench, sandbox, settings, check, words):
    sandbox()
    findings, code = doctor(bench, settings, arguments=["--read-only"])
    only(findings, check, *words)
    assert code == (3 if check == "results.allowed_reply_topics" else 1)


def test_a_broker_that_speaks_no_tls(bench, brokers, sandbox):
    sandbox()
    settings = {"kafka.brokers": brokers, "kafka.properties.security.protocol": "ssl"}
    findings, code = doctor(bench, settings, arguments=["--read-only"])
    only(findings, "kafka.brokers", "SSL routines", "kafka.properties.security.protocol")
    assert code == 1


def test_a_ledger_that_is_too_narrow(bench, sandbox):
    sandbox()
    narrow = f"{bench.prefix}.narrow"
    bench.run("topics", "--partitions", "2", "--brokers", bench.brokers, *topics_named(narrow))
    findings, code = doctor(bench, {"topics.ledger": f"{narrow}.ledger"})
    only(findings, "topics.ledger", "it has 2 partitions, the commands have 8", "--alter")
    assert code == 1


def topics_named(prefix):
    names = {key: f"{prefix}.{key.replace('_', '-')}" for key in ("commands", "results", "ledger", "dead_letters")}
    return [word for key, name in names.items() for word in ("--set", f"topics.{key}={name}")]


def test_a_key_that_is_refused(bench, sandbox):
    sandbox(environment={"OTP_SANDBOX_SECRET_KEY": "another"})
    findings, code = doctor(bench)
    only(findings, "check_otp.secret_key", "refuses the key (401)", "exactly as issued")
    assert code == 1


def test_a_key_file_that_others_may_read(bench, sandbox, tmp_path):
    sandbox()
    file = tmp_path / "key"
    file.write_text(harness.KEY)
    # Mounted as Kubernetes does it: a link, whose own permissions say nothing.
    link = tmp_path / "mounted"
    link.symlink_to(file)
    for mode, expected in ((0o644, 3), (0o640, 0)):
        file.chmod(mode)
        findings, code = doctor(
            bench, {"check_otp.secret_key_file": link}, {"OTP_CHECK_OTP_SECRET_KEY": ""}, arguments=["--read-only"]
        )
        assert code == expected, findings
        if expected:
            only(findings, "check_otp.secret_key_file", "every user", "chmod o-rwx")


def test_the_certificate(bench, sandbox, tmp_path):
    authority = tmp_path / "ca.pem"
    sandbox("--tls", "--ca-file", str(authority))
    url = bench.sandbox.url.replace("http://127.0.0.1", "https://localhost")
    findings, code = doctor(bench, url=url, arguments=["--read-only"])
    only(findings, "upstream.certificate", "not signed by an authority", "otp-worker sandbox CA", "check_otp.ca_file")
    assert code == 1
    # One who speaks HTTP to it gets nowhere either.
    findings, _ = doctor(bench, url=bench.sandbox.url, arguments=["--read-only"])
    only(findings, "upstream.answer", "without an answer", "https or http")
    # The sandbox's certificate lives for ten days.
    findings, code = doctor(bench, {"check_otp.ca_file": authority}, url=url, arguments=["--read-only"])
    only(findings, "upstream.certificate", "runs out in")
    assert code == 3


strict = pytest.mark.skipif("OTP_TEST_KAFKA" not in os.environ, reason="noida-db knows no open transactions, members or quotas")


def produce_in_a_transaction(bench, topic):
    """Somebody's transaction that is not ended, and what comes behind it."""
    producer = Producer({"bootstrap.servers": bench.brokers, "transactional.id": f"{bench.prefix}.shop"})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(topic, "{}", key="k", partition=3)
    producer.flush()
    plain = Producer({"bootstrap.servers": bench.brokers})
    for _ in range(4):
        plain.produce(topic, "{}", key="k", partition=3)
    plain.flush()
    return producer


@strict
def test_an_open_transaction_that_holds_a_topic(bench, sandbox):
    sandbox()
    for topic, words in ((bench.ledger, "cannot be restored"), (bench.commands, "no worker sees the commands behind it")):
        producer = produce_in_a_transaction(bench, topic)
        findings, code = doctor(bench, arguments=["--read-only"])
        only(findings, "kafka.open_transactions", f"{topic}/3, open since ", "from offset 0 on", words, "--start-offset 0")
        assert code == 1
        producer.abort_transaction()
    findings, code = doctor(bench, arguments=["--read-only"])
    assert (wrong(findings), code) == (set(), 0), findings


@strict
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"partition.assignment.strategy": "cooperative-sticky"}, ["members that are no workers: rdkafka on "]),
        ({"partition.assignment.strategy": "range", "client.id": "shop"}, ["share partitions by range", "shop on "]),
    ],
)
def test_a_member_that_is_no_worker(bench, sandbox, settings, words):
    sandbox()
    consumer = Consumer({"bootstrap.servers": bench.brokers, "group.id": f"{bench.prefix}.group", **settings})
    try:
        consumer.subscribe([bench.commands])
        harness.until("it is a member", lambda: consumer.poll(0.1) or consumer.assignment())
        findings, code = doctor(bench, arguments=["--read-only"])
        only(findings, "kafka.group_id", *words)
        assert code == 1
    finally:
        consumer.close()


@strict
def test_a_quota_makes_commands_wait_and_is_told(bench, sandbox, worker, results):
    """It is neither another worker nor the upstream: everybody is answered, later."""
    sandbox()
    name = f"{bench.prefix}-slow"
    process = worker(name).wait_ready()
    # Each broker grants it for itself.
    quotas.set_of_client(bench, name, "producer_byte_rate", 3_000 / len(bench.brokers.split(",")))
    try:
        sessions = [f"q{number:03d}-ab{number % 100:02d}" for number in range(60)]
        bench.produce([harness.command(session, harness.right_code(session)) for session in sessions])
        harness.until("it is told", lambda: process.log_lines("a quota of the cluster holds this worker back: commands wait"), 60)
        events = results.wait(60, 240, [process])
    finally:
        quotas.set_of_client(bench, name, "producer_byte_rate", None)
    assert {event["status"] for event in events} == {"verified"} and len(events) == 60
    assert process.metric("upstream_halts_total") == process.metric("breaker_openings_total") == 0
    assert process.end(seconds=60) == 0


@strict
def test_a_quota_that_is_reached_is_named(bench, sandbox):
    sandbox()
    quotas.set_of_client(bench, f"{bench.prefix}-slow", "producer_byte_rate", 10)
    try:
        findings, code = doctor(bench, {"worker.name": f"{bench.prefix}-slow"})
        only(findings, "kafka.quota", "a quota is reached", "producer_byte_rate")
        assert code == 3
    finally:
        quotas.set_of_client(bench, f"{bench.prefix}-slow", "producer_byte_rate", None)
