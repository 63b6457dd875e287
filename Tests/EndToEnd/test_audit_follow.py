"""The audit beside a fleet: a broken promise is known within a minute, a fleet that keeps its word is not accused, and a blind audit says so."""

import json
import time

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

import fleets
import harness

# What must be known is known by then.
MINUTE = 60.0
# News of a session rests for 35 s before it is judged, and rounds are 5 s apart.
JUDGED = 45.0


class Audit(harness.Process):
    def __init__(self, bench, **settings):
        self.admin = harness.free_port()
        settings = {**bench.topic_settings(), "admin.port": self.admin, **settings}
        arguments = [harness.BINARY, "audit", "--follow"]
        for key, value in settings.items():
            arguments += ["--set", f"{key}={value}"]
        super().__init__("audit", arguments, bench.folder)

    def readiness(self):
        status, body = harness.http(f"http://127.0.0.1:{self.admin}/ready")
        return status, json.loads(body)["conditions"][0]["detail"] if body else "silent"

    def wait_ready(self):
        def ready():
            assert self.is_running(), self.text()[-3000:]
            return self.readiness()[0] == 200

        harness.until("the audit judges", ready)
        return self

    def metrics(self):
        page = harness.http(f"http://127.0.0.1:{self.admin}/metrics")[1].decode()
        lines = (line.rsplit(" ", 1) for line in page.splitlines() if line.startswith("otp_worker_audit_"))
        return {name.removeprefix("otp_worker_audit_"): float(value) for name, value in lines}

    def offences(self):
        """By check; only those that there are."""
        counts = {name: value for name, value in self.metrics().items() if name.startswith("offences_total{")}
        assert counts, "every check has its count from the start"
        return {name.split('"')[1]: value for name, value in counts.items() if value}

    def judged_at(self):
        return self.metrics()["judged_at_timestamp_seconds"]

    def lines(self):
        lines = [json.loads(line) for line in self.text().splitlines()]
        return [line for line in lines if line["message"] == "a promise is broken"]

    def notes(self):
        lines = [json.loads(line) for line in self.text().splitlines()]
        return [line["note"] for line in lines if line["message"] == "the audit judges less than it was asked to"]


@pytest.fixture
def audit(processes):
    def start(bench, **settings):
        processes.append(Audit(bench, **settings))
        return processes[-1]

    return start


def commands(first, count):
    """Right and wrong codes, corrected and repeated ones, and records that no worker can use."""
    for number in range(first, first + count):
        session = f"a-{number:04d}"
        right = harness.right_code(session)
        yield from [harness.command(session, code) for code in [("WRNG", right, right), (right,), ("WRNG", "WRNG")][number % 3]]
        if number % 10 == 0:
            yield f"k-{number}", "{not json"


def test_a_broken_promise_is_known_within_a_minute(fleet, audit):
    """Nothing is said of a fleet that works, one of whose workers dies; then a result is doubled, and a command is left alone."""
    fleet = fleet("--latency", "20ms-60ms")
    bench = fleet.bench
    members = [fleet.start(f"worker-{number}") for number in range(2)]
    process = audit(bench, **{"kafka.session_timeout": fleets.FAST["kafka.session_timeout"]}).wait_ready()
    for member in members:
        member.process.wait_ready()
    # Some are under way whenever it judges.
    load = fleets.Load(fleet, 50, lambda turn: [*commands(turn, 1)])
    load.wait(5)
    members[0].process.kill()
    load.wait(5)
    members[0] = fleet.start("worker-0")
    load.until("it is back", lambda: not members[0].process.readiness())
    recovered = time.time()
    load.until("all until then is judged", lambda: process.judged_at() > recovered + JUDGED, 2 * MINUTE)
    assert process.metrics()["results_total"] > 50 * JUDGED
    assert process.offences() == {} and process.lines() == []
    fleet.results.wait(load.sent, alive=[member.process for member in members])
    fleet.judge()

    result = next(record for record in bench.records(bench.results) if record.key)
    producer = Producer({"bootstrap.servers": bench.brokers})
    producer.produce(bench.results, result.value, result.key, result.partition, headers=result.headers)
    assert producer.flush(30) == 0
    harness.until("the second result is told", lambda: process.offences() == {"double": 1}, MINUTE)
    source = json.loads(result.value)["source"]
    told = process.lines()
    assert [(line["check"], line["partition"], line["offset"]) for line in told] == [("double", source["partition"], source["offset"])]

    for member in members:
        assert member.process.end() == 0
    due = time.time() + 1
    # Any command that nobody answers will do: this one is due at once.
    bench.produce([harness.command("alone", "WRNG", expires_at=harness.time_text(due))])
    harness.until("the missing result is told", lambda: process.offences() == {"double": 1, "unanswered": 1}, due + MINUTE - time.time())
    assert process.readiness()[0] == 200
    assert process.end() == 1, "its exit says that a promise was broken"
    for secret in (harness.PHONE, "WRNG", harness.KEY):
        assert secret not in process.text()


def test_what_retention_has_cut_is_told(bench, sandbox, worker, results, audit):
    """An audit that is asked for more than the results still hold says from when on it judges, and accuses nobody of what is gone."""
    sandbox()
    process = worker().wait_ready()
    sent = [*commands(0, 30)]
    bench.produce(sent)
    results.wait(len(sent), 60, [process])
    assert audit(bench).wait_ready().notes() == []
    # What the broker does once the results' time is over.
    first = next(record for record in bench.records(bench.results))
    cut = TopicPartition(bench.results, first.partition, first.offset + 1)
    admin = AdminClient({"bootstrap.servers": bench.brokers})
    for done in admin.delete_records([cut]).values():
        done.result(30)
    late = audit(bench).wait_ready()
    assert len(late.notes()) == 1
    assert late.notes()[0].startswith(f"{bench.results} holds nothing older than ") and ": judged from " in late.notes()[0]
    assert late.end() == 0, late.text()[-3000:]


def test_an_audit_that_cannot_read_is_not_ready(bench, brokers, carrier, audit):
    """It says why, judges nothing, and goes on where it was; its end says that nothing was broken."""
    line = fleets.proxy_before(brokers, carrier)
    try:
        process = audit(bench, **{"kafka.brokers": line.address}).wait_ready()
        line.down()
        harness.until("it is not ready", lambda: process.readiness()[0] == 503, 2 * MINUTE)
        assert "not judged for" in process.readiness()[1]
        harness.until("it says why", lambda: process.metrics()["failed_rounds_total"] >= 1, 2 * MINUTE)
        line.heal()
        harness.until("it is ready again", lambda: process.readiness()[0] == 200, 2 * MINUTE)
        assert process.end() == 0, process.text()[-3000:]
    finally:
        line.close()
