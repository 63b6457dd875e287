"""Workers behind lines of their own, and what must hold of them whatever happened."""

import collections
import json
import os
import time

import pytest

import harness
import oracle
from noida_db import NoidaDBProxy
from tcp_proxy import ClusterProxy, KafkaProxy, TCPProxy

IS_CLUSTER = bool(os.environ.get("OTP_TEST_KAFKA"))
SESSION_TIMEOUT = 6.0
# The shortest time-outs that a worker can have: what is lost is found to be lost in seconds.
FAST = {"kafka.session_timeout": f"{SESSION_TIMEOUT:.0f}s", "kafka.transaction_timeout": "6s"}


def needs_cluster(reason):
    return pytest.mark.skipif(not IS_CLUSTER, reason=f"{reason}: set OTP_TEST_KAFKA=host:port")


def proxy_before(broker, carrier):
    """A line to the broker, or to each of several; with noida-db, one that fixes what it says."""
    ports = []
    for address in broker.split(","):
        host, port = address.rsplit(":", 1)
        assert host in ("127.0.0.1", "localhost"), f"the proxy leads to local ports only, not to {host}"
        ports.append(int(port))
    if len(ports) > 1:
        return ClusterProxy(carrier, ports)
    return (KafkaProxy if IS_CLUSTER else NoidaDBProxy)(carrier, ports[0])


class Member:
    """A worker with lines of its own."""

    def __init__(self, fleet, slot, settings, binary):
        self.kafka = proxy_before(fleet.broker, fleet.carrier)
        self.http = TCPProxy(fleet.carrier, fleet.bench.sandbox.port)
        settings = {**FAST, "kafka.brokers": self.kafka.address, **settings}
        self.process = harness.Worker(fleet.bench, slot, settings, f"http://{self.http.address}", binary=binary)
        fleet.keep(self.process)


class Fleet:
    """Workers of one bench, each behind its own lines, for tests that know what they do to whom."""

    def __init__(self, bench, broker, carrier, keep):
        self.bench = bench
        self.broker = broker
        self.carrier = carrier
        self.keep = keep
        self.members = []
        self.results = bench.watch()

    def start(self, slot="worker-0", binary=None, **settings):
        settings = {key.replace("__", "."): value for key, value in settings.items()}
        self.members.append(Member(self, slot, settings, binary))
        return self.members[-1]

    def judge(self):
        events, calls = self.bench.events(), self.bench.sandbox.calls()
        judge(self.bench, events, calls)
        return events, calls

    def close(self):
        self.results.close()
        for member in self.members:
            member.kafka.close()
            member.http.close()


class Load:
    """Commands at a steady rate, for as long as somebody asks for more: `records` makes those of the n-th of `rate` turns a second."""

    def __init__(self, fleet, rate, records):
        self.fleet = fleet
        self.rate = rate
        self.records = records
        self.turns = 0
        self.sent = 0
        self.began = time.monotonic()

    def go_on(self):
        due = int((time.monotonic() - self.began) * self.rate)
        if due - self.turns >= self.rate // 10:
            records = [record for turn in range(self.turns, due) for record in self.records(turn)]
            self.fleet.bench.produce(records)
            self.sent += len(records)
            self.turns = due
        self.fleet.results.poll(0.05)

    def until(self, what, condition, seconds=90):
        end = time.monotonic() + seconds
        while not condition():
            self.go_on()
            assert time.monotonic() < end, f"not within {seconds} s: {what}"

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.go_on()


def silences(events, began, ended):
    """Of each partition the longest time without an answer between two moments (seconds since 1970)."""
    times = collections.defaultdict(list)
    for event in events:
        times[event["source"]["partition"]].append(harness.seconds_of(event["completed_at"]))
    longest = {}
    for number, moments in times.items():
        within = [began, *sorted(moment for moment in moments if began <= moment <= ended), ended]
        longest[number] = max(after - before for before, after in zip(within, within[1:]))
    return longest


def judge(bench, events, calls):
    """What holds after whatever happened."""
    oracle.one_result_per_record(bench, events)
    oracle.no_false_verdict(bench, events)
    oracle.order_within_sessions(events)
    oracle.seen_again_only_in_doubt(calls, events)
    oracle.overlapping_only_in_doubt(calls, events)


def audit(bench, journal, maximum_age, settings=None):
    """The judgement of the worker's own tool, which is given the fleet's settings."""
    settings = {**bench.topic_settings(), "commands.max_age": f"{maximum_age}s", **(settings or {})}
    arguments = ["audit", "--journal", str(journal), "--json"]
    for key, value in settings.items():
        arguments += ["--set", f"{key}={value}"]
    done = bench.run(*arguments, environment={"OTP_CHECK_OTP_SECRET_KEY": harness.KEY}, seconds=120)
    assert done.returncode == 0, f"audit: exit {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-3000:]}"
    json.loads(done.stdout)
