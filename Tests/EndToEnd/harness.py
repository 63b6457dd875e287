"""What the end-to-end tests stand on: a broker, a sandbox and workers as processes of their own, and foreign clients.

Every wait has a deadline, and every process is ended by the test that started it.
"""

import collections
import contextlib
import datetime
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

BINARY = os.environ.get("OTP_WORKER_BIN", "otp-worker")
KEY = "sck_" + "markedkey"
PHONE = "5324818942"
Record = collections.namedtuple("Record", "partition offset timestamp key value headers")


def until(what, condition, seconds=60.0):
    """Waits for a condition to hold, and fails by name when it does not in time."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        pause.wait(0.05)


def time_text(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_open(port):
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def http(url, data=None, timeout=5):
    """Status and body; a refused connection is status 0."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


class Process:
    """One process with its output in a file; `own_group` where it starts others, so that `kill` ends them too."""

    def __init__(self, name, arguments, folder, environment=None, own_group=False):
        self.own_group = own_group
        self.name = name
        self.log = Path(folder) / f"{name}-{time.monotonic_ns()}.log"
        with self.log.open("wb") as output:
            self.popen = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=own_group,
            )

    def text(self):
        return self.log.read_text(errors="replace")

    def is_running(self):
        return self.popen.poll() is None

    def end(self, number=signal.SIGTERM, seconds=30):
        """Sends a signal and waits; returns the exit status."""
        if self.is_running():
            self.popen.send_signal(number)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(10)
            raise AssertionError(f"{self.name} did not end within {seconds} s:\n{self.text()[-3000:]}") from None

    def kill(self):
        if self.own_group:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.kill()
        self.popen.wait(10)

    def resident_bytes(self):
        fields = Path(f"/proc/{self.popen.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_bytes(self):
        """The most that was ever resident."""
        return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.popen.pid}/status").read_text())[1]) * 1024


class Sandbox(Process):
    def __init__(self, folder, *arguments, environment=None):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__("sandbox", [BINARY, "sandbox", "--port", str(self.port), *arguments], folder, environment)
        until("the sandbox listens", lambda: is_open(self.port) or not self.is_running())
        assert self.is_running(), self.text()

    def calls(self):
        _, body = http(f"{self.url}/_sandbox/calls", timeout=30)
        entries = [json.loads(line) for line in body.splitlines()]
        return [entry for entry in entries if entry["path"].endswith("check_otp")]

    def faults(self, rules):
        """These faults from now on; none ends them."""
        self.script(rules)

    def script(self, script):
        status, body = http(f"{self.url}/_sandbox/script", json.dumps(script).encode())
        assert status == 200, body


class Worker(Process):
    """One worker; `slot` names it within the group, so that a restart takes the same place at once."""

    def __init__(self, bench, slot="worker-0", settings=None, url=None, environment=None, binary=None):
        self.admin = free_port()
        arguments = [binary or BINARY, "run"]
        bench.note(settings or {})
        for key, value in {**bench.settings(slot, url), "admin.port": self.admin, **(settings or {})}.items():
            # None takes a setting of the bench's away.
            arguments += ["--set", f"{key}={value}"] if value is not None else []
        super().__init__(slot, arguments, bench.folder, {"OTP_CHECK_OTP_SECRET_KEY": KEY} if environment is None else environment)

    def wait_ready(self, seconds=90):
        def ready():
            assert self.is_running(), self.text()[-3000:]
            return http(f"http://127.0.0.1:{self.admin}/ready")[0] == 200

        until(f"{self.name} is ready", ready, seconds)
        return self

    def readiness(self):
        """The names of the conditions that are not met, with their details; empty when it is ready."""
        body = http(f"http://127.0.0.1:{self.admin}/ready")[1]
        conditions = json.loads(body)["conditions"] if body else [{"name": "admin", "ok": False, "detail": "silent"}]
        unmet = [condition for condition in conditions if not condition["ok"] and not condition.get("advisory")]
        return {condition["name"]: condition["detail"] for condition in unmet}

    def log_lines(self, message):
        """The log lines with this message, each with its time in seconds since 1970."""
        lines = (json.loads(line) for line in self.text().splitlines() if f'"message":"{message}"' in line)
        return [{**line, "at": seconds_of(line["time"])} for line in lines]

    def partitions(self):
        """Those that it owns, by its own account."""
        body = http(f"http://127.0.0.1:{self.admin}/status")[1]
        return {partition["partition"] for partition in json.loads(body)["partitions"]} if body else set()

    def metrics(self):
        return http(f"http://127.0.0.1:{self.admin}/metrics")[1].decode()

    def metric(self, name):
        total = 0.0
        for line in self.metrics().splitlines():
            if re.match(rf"otp_worker_{name}(\{{|\s)", line):
                total += float(line.rsplit(" ", 1)[1])
        return total


class Bench:
    """A broker and a folder; each test takes topics and a group of its own, so that none sees another's records."""

    count = 0

    def __init__(self, brokers, folder, partitions=8):
        Bench.count += 1
        self.brokers = brokers
        self.folder = folder
        self.partitions = partitions
        self.prefix = f"t{os.getpid()}-{Bench.count}"
        self.commands = f"{self.prefix}.commands"
        self.results = f"{self.prefix}.results"
        self.ledger = f"{self.prefix}.ledger"
        self.dead_letters = f"{self.prefix}.dead-letters"
        self.sandbox = None
        # What the contract's check must know of the workers' settings.
        self.reply_topics = []
        self.has_mapped_fields = False

    def note(self, settings):
        """Remembers which other topics hold results, and whether commands have another shape."""
        replies = settings.get("results.allowed_reply_topics") or ""
        self.reply_topics += [topic for topic in replies.split(",") if topic and topic not in self.reply_topics]
        self.has_mapped_fields |= any(key.startswith("commands.fields") for key in settings)

    def topic_settings(self):
        return {
            "kafka.brokers": self.brokers,
            "topics.commands": self.commands,
            "topics.results": self.results,
            "topics.ledger": self.ledger,
            "topics.dead_letters": self.dead_letters,
        }

    def settings(self, slot, url):
        return {
            **self.topic_settings(),
            "kafka.group_id": f"{self.prefix}.group",
            "kafka.group_instance_id": slot,
            "worker.name": slot,
            "check_otp.url": url or self.sandbox.url,
        }

    def run(self, *arguments, environment=None, seconds=60):
        return subprocess.run(
            [BINARY, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**os.environ, **(environment or {})},
        )

    def create_topics(self):
        arguments = ["topics", "--partitions", str(self.partitions)]
        for key, value in self.topic_settings().items():
            arguments += ["--set", f"{key}={value}"]
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return self

    def close(self):
        """Leaves a cluster as it was: a thousand partitions that nobody uses are work for every broker, and the next tests wait for it."""
        if not os.environ.get("OTP_TEST_KAFKA"):
            return
        admin = AdminClient({"bootstrap.servers": self.brokers})
        topics = [name for name in admin.list_topics(timeout=10).topics if name.startswith(f"{self.prefix}.")]
        for done in admin.delete_topics(topics, request_timeout=10).values() if topics else []:
            # One that is gone already, or whose broker is away, is nobody's concern.
            done.exception(15)

    def grow(self, partitions, *topics):
        """Adds partitions, as an operator would."""
        admin = AdminClient({"bootstrap.servers": self.brokers})
        for done in admin.create_partitions([NewPartitions(topic, partitions) for topic in topics]).values():
            done.result(30)

    def produce(self, records, topic=None):
        """Produces (key, value) pairs with kcat; an empty one is null."""
        lines = "".join(f"{key}\x1e{value}\n" for key, value in records)
        subprocess.run(
            ["kcat", "-P", "-q", "-b", self.brokers, "-t", topic or self.commands, "-K", "\x1e", "-Z", "-X", "batch.size=131072"],
            input=lines,
            text=True,
            check=True,
            timeout=120,
        )

    def consume(self, topic):
        """All committed records of a topic as (partition, offset, key, value), read with kcat."""
        form = r"%p\x1f%o\x1f%K\x1f%k\x1f%S\x1f%s\x1f"
        done = subprocess.run(
            ["kcat", "-C", "-q", "-e", "-b", self.brokers, "-t", topic, "-o", "beginning"]
            + ["-X", "isolation.level=read_committed", "-f", form],
            capture_output=True,
            check=True,
            timeout=180,
        )
        text, at, records = done.stdout, 0, []

        def number():
            nonlocal at
            start, at = at, text.index(b"\x1f", at) + 1
            return int(text[start : at - 1])

        # By its length, for the ledger's are binary and may hold any byte; -1 is null.
        def content():
            nonlocal at
            length = number()
            start, at = at, at + max(length, 0) + 1
            return text[start : at - 1] if length >= 0 else None

        while at < len(text):
            records.append((number(), number(), content(), content()))
        return records

    def records(self, topic, seconds=120):
        """All committed records of a topic with their headers, read with a foreign client."""
        reader = Consumer(
            {
                "bootstrap.servers": self.brokers,
                "group.id": f"{self.prefix}.records",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        try:
            known = reader.list_topics(topic, 30).topics[topic]
            if known.error:
                return []
            reader.assign([TopicPartition(topic, number, 0) for number in known.partitions])
            open_partitions, records = set(known.partitions), []
            end = time.monotonic() + seconds
            while open_partitions:
                assert time.monotonic() < end, f"{topic} was not read to its end within {seconds} s"
                for message in reader.consume(2000, 0.2):
                    if message.error():
                        if message.error().code() == KafkaError._PARTITION_EOF:
                            open_partitions.discard(message.partition())
                        continue
                    records.append(
                        Record(
                            message.partition(),
                            message.offset(),
                            message.timestamp()[1],
                            message.key(),
                            message.value(),
                            message.headers() or [],
                        )
                    )
            return records
        finally:
            reader.close()

    def events(self):
        return [json.loads(value) for _, _, _, value in self.consume(self.results)]

    def watch(self):
        return ResultCounter(self)


class ResultCounter:
    """Counts committed results as they come, with one foreign consumer."""

    def __init__(self, bench):
        self.consumer = Consumer(
            {
                "bootstrap.servers": bench.brokers,
                "group.id": f"{bench.prefix}.reader",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
            }
        )
        self.consumer.assign([TopicPartition(bench.results, number, 0) for number in range(bench.partitions)])
        self.events = []

    def poll(self, seconds=0.1):
        for message in self.consumer.consume(2000, seconds):
            if not message.error():
                self.events.append(json.loads(message.value()))
        return len(self.events)

    def wait(self, count, seconds=120, alive=()):
        """Waits until at least `count` results are visible."""
        end = time.monotonic() + seconds
        while self.poll() < count:
            for process in alive:
                assert process.is_running(), process.text()[-3000:]
            assert time.monotonic() < end, f"{len(self.events)} of {count} results within {seconds} s"
        return self.events

    def close(self):
        self.consumer.close()


def command(session, code, phone=PHONE, **more):
    return session, json.dumps({"user_gsm": phone, "otp_session_id": session, "otp_code": code, **more})


def right_code(session):
    """The sandbox's rule for implicit sessions."""
    return ("0000" + re.sub("[^A-Za-z0-9]", "", session))[-4:].upper()


@contextlib.contextmanager
def broker(folder):
    """The cluster of OTP_TEST_KAFKA, or a noida-db of our own."""
    given = os.environ.get("OTP_TEST_KAFKA")
    if given:
        yield given
        return
    program = shutil.which("noida-db") or str(Path(os.sys.executable).parent / "noida-db")
    port = free_port()
    data = tempfile.mkdtemp(dir=folder)
    process = Process(
        "noida-db",
        [program, "start", "--only", "kafka", "--kafka-port", str(port), "--data-dir", data],
        folder,
        own_group=True,
    )
    try:
        until("the broker listens", lambda: is_open(port) or not process.is_running())
        assert process.is_running(), process.text()
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
