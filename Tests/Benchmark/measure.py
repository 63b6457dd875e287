"""One run of one contender: broker, upstream, contender and reader are started, measured, judged and ended.

A contender gets topics and a group of its own on the cluster that OTP_TEST_KAFKA names, else an embedded broker of its own, and an upstream
of its own. First a tenth of the commands warms it up; then all of them come at once; then some come at a steady rate. CPU time is
the process's, user and system, over exactly these commands. Its figures count only if `judge` finds nothing.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import re
import shlex
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "EndToEnd"))

import contract  # noqa: E402
import harness  # noqa: E402

# So many results of each phase are held against the published contract.
SAMPLE = 25


@dataclasses.dataclass(frozen=True)
class Conditions:
    commands: int = 60_000
    rate: int = 1_000
    seconds: float = 20.0
    in_flight: int = 512
    upstream_ms: int = 20
    tls: bool = True
    partitions: int = 8
    # Of this project; a peer is always one process.
    workers: int = 1


@dataclasses.dataclass(frozen=True)
class Figures:
    """What one run gave."""

    cpu_us: float
    results_per_second: float
    rate_cpu_us: float
    rate_p50_ms: float
    rate_p99_ms: float
    peak_mb: float


class Upstream(harness.Sandbox):
    """Paynet's part; every session exists, and each call is in its journal."""

    def __init__(self, folder: str, conditions: Conditions):
        self.ca_file = f"{folder}/ca.pem" if conditions.tls else None
        tls = ["--tls", "--ca-file", self.ca_file] if conditions.tls else []
        super().__init__(folder, "--implicit-sessions", "--latency", f"{conditions.upstream_ms}ms", *tls)
        self.url = f"{'https' if conditions.tls else 'http'}://127.0.0.1:{self.port}"

    def calls(self) -> list[dict]:
        trust = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None
        with urllib.request.urlopen(f"{self.url}/_sandbox/calls", timeout=60, context=trust) as answer:
            entries = [json.loads(line) for line in answer]
        return [entry for entry in entries if entry["path"].endswith("check_otp")]


class Reader:
    """Sees each result as any `read_committed` reader does, and when."""

    def __init__(self, bench: harness.Bench):
        settings = {"isolation.level": "read_committed", "enable.auto.commit": False, "fetch.wait.max.ms": 50}
        self.consumer = Consumer({"bootstrap.servers": bench.brokers, "group.id": f"{bench.prefix}.reader", **settings})
        self.consumer.assign([TopicPartition(bench.results, number, 0) for number in range(bench.partitions)])
        self.count = 0
        self.seen_at: dict[str, float] = {}
        self.not_verified: list[bytes] = []
        self.samples: list[harness.Record] = []
        self.next_sample = 0

    def poll(self, seconds: float) -> int:
        first = self.consumer.poll(seconds)
        if first is None:
            return self.count
        for message in [first, *self.consumer.consume(2_000, 0)]:
            if not message.error():
                self.record(message)
        return self.count

    def record(self, message) -> None:
        self.count += 1
        self.seen_at.setdefault(message.key().decode(), time.perf_counter())
        if b'"status":"verified"' not in message.value():
            self.not_verified.append(message.value())
        if self.next_sample > 0:
            self.next_sample -= 1
            place = message.partition(), message.offset(), message.timestamp()[1]
            self.samples.append(harness.Record(*place, message.key(), message.value(), message.headers() or []))

    def wait(self, count: int, seconds: float, alive: list[harness.Process]) -> None:
        end = time.monotonic() + seconds
        while self.poll(0.1) < count:
            for process in alive:
                assert process.is_running(), f"{process.name} has ended:\n{process.text()[-3000:]}"
            assert time.monotonic() < end, f"{self.count} of {count} results within {seconds:.0f} s"


def embedded_broker(folder: str, partitions: int) -> tuple[harness.Process, str]:
    """It keeps nothing and isolates nothing: its figures say nothing about Kafka."""
    process = harness.Process("broker", [harness.BINARY, "broker", "--partitions", str(partitions)], folder)

    def address():
        assert process.is_running(), process.text()
        found = re.search(r"127\.0\.0\.1:\d+", process.text())
        return found.group(0) if found else None

    return process, harness.until("the broker tells its address", address)


def compile_c(folder: str) -> str:
    """Builds the peer in C; returns its path."""
    libraries = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "rdkafka", "libcurl"], check=True, capture_output=True, text=True, timeout=30
    ).stdout
    program = f"{folder}/peer_c"
    command = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, str(HERE / "peer_c.c"), *shlex.split(libraries)]
    subprocess.run([*command, "-pthread"], check=True, timeout=120)
    return program


def start_workers(bench: harness.Bench, upstream: Upstream, conditions: Conditions) -> list[harness.Process]:
    settings = {"check_otp.max_in_flight": conditions.in_flight, "log.level": "warning", "check_otp.ca_file": upstream.ca_file}
    return [harness.Worker(bench, f"bench-{number}", settings, upstream.url) for number in range(conditions.workers)]


def start_peer(program: list[str], bench: harness.Bench, upstream: Upstream, conditions: Conditions) -> harness.Process:
    arguments = [bench.brokers, bench.commands, bench.results, f"{bench.prefix}.group", upstream.url, upstream.ca_file or "-"]
    key = {"OTP_CHECK_OTP_SECRET_KEY": harness.KEY}
    return harness.Process("peer", [*program, *arguments, str(conditions.in_flight)], bench.folder, key)


def start(contender: str, bench: harness.Bench, upstream: Upstream, conditions: Conditions) -> list[harness.Process]:
    if contender == "worker":
        return start_workers(bench, upstream, conditions)
    program = [sys.executable, str(HERE / "peer_python.py")] if contender == "python" else [compile_c(bench.folder)]
    return [start_peer(program, bench, upstream, conditions)]


def wait_ready(process: harness.Process) -> None:
    if isinstance(process, harness.Worker):
        process.wait_ready()
        return
    harness.until("the peer is ready", lambda: "ready" in process.text() or not process.is_running(), 90)
    assert process.is_running(), process.text()[-3000:]


class Run:
    """What is started, in the order in which it is ended."""

    def __init__(self, contender: str, conditions: Conditions, folder: str, kept: contextlib.ExitStack):
        self.conditions = conditions
        self.kept = kept
        self.bench = self.make_bench(folder)
        self.upstream = self.keep(Upstream(folder, conditions))
        self.contenders = [self.keep(one) for one in start(contender, self.bench, self.upstream, conditions)]
        self.reader = Reader(self.bench)
        kept.callback(self.reader.consumer.close)
        for one in self.contenders:
            wait_ready(one)
        self.sent = 0

    def keep(self, process: harness.Process) -> harness.Process:
        self.kept.callback(process.kill)
        return process

    def make_bench(self, folder: str) -> harness.Bench:
        if cluster := os.environ.get("OTP_TEST_KAFKA"):
            bench = harness.Bench(cluster, folder, self.conditions.partitions).create_topics()
            self.kept.callback(remove_topics, bench)
            return bench
        process, brokers = embedded_broker(folder, self.conditions.partitions)
        self.keep(process)
        bench = harness.Bench(brokers, folder, self.conditions.partitions)
        # It comes with these.
        bench.commands, bench.results, bench.ledger, bench.dead_letters = (
            f"otp.verify.{name}" for name in ("commands", "results", "ledger", "dead-letters")
        )
        return bench

    def commands(self, count: int) -> list[tuple[str, str]]:
        """So many, each of a session that was never seen, with the right code."""
        sessions = [f"b{number:07d}" for number in range(self.sent, self.sent + count)]
        self.sent += count
        return [harness.command(session, harness.right_code(session)) for session in sessions]

    def send_all(self, count: int) -> float:
        """Sends so many at once; returns how many results a second came, from the first tenth of them on."""
        before, commands, alive = self.reader.count, self.commands(count), [*self.contenders, self.upstream]
        self.reader.next_sample = SAMPLE
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            begin = time.perf_counter(), before
            sending = threads.submit(self.bench.produce, commands)
            self.reader.wait(before + count // 10, 300, alive)
            # So few that most came together are measured from the start.
            if self.reader.count < before + count // 2:
                begin = time.perf_counter(), self.reader.count
            self.reader.wait(before + count, 600, alive)
            sending.result()
        return (before + count - begin[1]) / (time.perf_counter() - begin[0])

    def send_steadily(self, rate: int, seconds: float) -> list[float]:
        """Sends at a steady rate; returns how long each result took to be seen, in milliseconds, in order of length."""
        producer = Producer({"bootstrap.servers": self.bench.brokers, "linger.ms": 0})
        commands = self.commands(int(rate * seconds))
        before, sent_at = self.reader.count, {}
        self.reader.next_sample = SAMPLE
        begin = time.perf_counter()
        while len(sent_at) < len(commands):
            due = min(int((time.perf_counter() - begin) * rate) + 1, len(commands))
            for key, value in commands[len(sent_at) : due]:
                sent_at[key] = time.perf_counter()
                producer.produce(self.bench.commands, value, key)
            producer.poll(0)
            self.reader.poll(0.001)
        assert producer.flush(30) == 0, "not all commands were acknowledged"
        self.reader.wait(before + len(commands), 120, [*self.contenders, self.upstream])
        return sorted(1000 * (self.reader.seen_at[key] - moment) for key, moment in sent_at.items())

    def cpu_seconds(self) -> float:
        return sum(one.cpu_seconds() for one in self.contenders)

    def measure(self) -> Figures:
        given = self.conditions
        self.send_all(max(given.commands // 10, 1))
        cpu = [self.cpu_seconds()]
        speed = self.send_all(given.commands)
        cpu.append(self.cpu_seconds())
        delays = self.send_steadily(given.rate, given.seconds)
        cpu.append(self.cpu_seconds())
        return Figures(
            cpu_us=1e6 * (cpu[1] - cpu[0]) / given.commands,
            results_per_second=speed,
            rate_cpu_us=1e6 * (cpu[2] - cpu[1]) / len(delays),
            rate_p50_ms=delays[len(delays) // 2],
            rate_p99_ms=delays[len(delays) * 99 // 100],
            peak_mb=max(one.peak_bytes() for one in self.contenders) / 1e6,
        )

    def judge(self) -> None:
        """Each command has exactly one result, was asked about exactly once, and is behind the group's offsets."""
        end = time.monotonic() + 1
        while time.monotonic() < end:
            self.reader.poll(0.1)
        sessions = {f"b{number:07d}" for number in range(self.sent)}
        reader = self.reader
        assert reader.count == self.sent, f"{reader.count} results to {self.sent} commands"
        assert reader.seen_at.keys() == sessions, "the results are not those of the commands"
        assert not reader.not_verified, f"not verified: {reader.not_verified[0]}"
        calls = collections.Counter(call["otp_session_id"] for call in self.upstream.calls())
        assert calls.keys() == sessions and set(calls.values()) == {1}, "the calls are not one per command"
        assert reader.samples, "no result was kept"
        for record in reader.samples:
            contract.check_result(record)
        for one in self.contenders:
            status = one.end(signal.SIGTERM)
            assert status == 0, f"{one.name} ended with {status}:\n{one.text()[-3000:]}"
        if os.environ.get("OTP_TEST_KAFKA"):
            self.judge_offsets()

    def judge_offsets(self) -> None:
        """The embedded broker does not tell them."""
        consumer = Consumer({"bootstrap.servers": self.bench.brokers, "group.id": f"{self.bench.prefix}.group"})
        try:
            places = [TopicPartition(self.bench.commands, number) for number in range(self.bench.partitions)]
            for place in consumer.committed(places, 30):
                end = consumer.get_watermark_offsets(place, 30)[1]
                assert end == 0 or place.offset == end, f"partition {place.partition}: committed {place.offset} of {end}"
        finally:
            consumer.close()


def remove_topics(bench: harness.Bench) -> None:
    admin = AdminClient({"bootstrap.servers": bench.brokers})
    topics = [bench.commands, bench.results, bench.ledger, bench.dead_letters]
    for done in admin.delete_topics(topics, operation_timeout=30).values():
        done.result(60)


def run(contender: str, conditions: Conditions, folder: str) -> Figures:
    with contextlib.ExitStack() as kept:
        current = Run(contender, conditions, folder, kept)
        figures = current.measure()
        current.judge()
        return figures
