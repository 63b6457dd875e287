"""`watch` on a terminal and off it: what it shows is what was published, and it outlives its cluster."""

import collections
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

import pytest

import harness
from fleets import proxy_before
from test_exactly_once import workload

FRAME = "\x1b[H"


@pytest.fixture
def terminal(bench):
    """Starts `watch` on a terminal of its own; whatever happens, it ends with the test."""
    started = []

    def start(**options):
        started.append(Terminal(bench, **options))
        return started[-1]

    yield start
    for one in started:
        one.end()


class Terminal:
    """`watch` on a terminal of its own; what it drew last is its page."""

    def __init__(self, bench, brokers=None, columns=120, rows=40, environment=None):
        self.fd, inner = pty.openpty()
        self.resize(columns, rows)
        settings = {**bench.topic_settings(), "kafka.group_id": f"{bench.prefix}.group"}
        settings["kafka.brokers"] = brokers or bench.brokers
        words = [word for pair in settings.items() for word in ("--set", "=".join(pair))]
        environment = {**os.environ, "TERM": "xterm", **(environment or {})}
        self.popen = subprocess.Popen(
            [harness.BINARY, "watch", *words], stdin=inner, stdout=inner, stderr=inner, env=environment
        )
        os.close(inner)
        self.text = ""
        self.reading = threading.Thread(target=self.read, daemon=True)
        self.reading.start()

    def read(self):
        try:
            while piece := os.read(self.fd, 65_536):
                self.text += piece.decode(errors="replace")
        except OSError:
            pass  # the other end was closed

    def resize(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def page(self):
        """The last whole page, as lines without control sequences."""
        frames = self.text.split(FRAME)
        last = frames[-1] if frames[-1].endswith("\x1b[J") else frames[-2] if len(frames) > 1 else ""
        # The terminal adds a carriage return of its own to each line feed.
        return re.sub("\x1b\\[[0-9;?]*[A-Za-z]|\r", "", last).split("\n")

    def shows(self, *words):
        page = "\n".join(self.page())
        return all(re.search(word, page) for word in words)

    def wait(self, *words, seconds=40):
        try:
            harness.until(f"the page shows {words}", lambda: self.shows(*words), seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(self.page())) from None

    def end(self):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
            self.popen.wait(20)
            self.reading.join(5)
            os.close(self.fd)
        return self.popen.returncode


def test_the_page(bench, sandbox, worker, results, terminal):
    sandbox("--latency", "2ms-10ms")
    process = worker().wait_ready()
    terminal = terminal()
    terminal.wait("0 in all", "0 in 8 partitions")
    records = [harness.command(f"w-{number:04d}", harness.right_code(f"w-{number:04d}")) for number in range(300)]
    records += [harness.command("wrong-ab12", "WRNG"), ("k", "{not json"), harness.command("s~http400~x", "AB12")]
    bench.produce(records)
    results.wait(len(records), 60, [process])
    terminal.wait("303 in all", r"in all +300 +1 +0 +1 +1 +0 +0", r"p50 \d+", "0 in 8 partitions")
    terminal.wait(r"worker-0 .* 303 +1 +0", r"FAILED/DOUBT.*\n.*s~http400~x", r"LAST.*\n(?:.*\n)*?.*verified")
    assert "\x1b[32m" in terminal.text and "\x1b[?1049h" in terminal.text

    # A smaller terminal gets a smaller page.
    terminal.resize(50, 9)
    harness.until("it fits", lambda: fits(terminal.page(), 50, 9), 20)
    # A command that waits is lag.
    process.end()
    terminal.resize(120, 40)
    bench.produce([harness.command("late-ab12", "AB12")])
    terminal.wait(r"1 in 8 partitions, most in \d: 1", r"worker-0 .* s ago")
    assert terminal.end() == 0
    assert terminal.text.endswith("\x1b[?7h\x1b[?25h\x1b[?1049l"), "the terminal is as it was"


def fits(page, columns, rows):
    return len(page) <= rows and all(len(line) <= columns for line in page)


def test_without_colour(bench, terminal):
    terminal = terminal(environment={"NO_COLOR": "1"})
    terminal.wait("0 in all")
    assert terminal.end() == 0
    assert not re.search("\x1b\\[[0-9;]*m", terminal.text)


def test_a_lost_cluster(bench, brokers, carrier, lines, sandbox, worker, results, folder, terminal):
    """It says so while there is none, and goes on where it was; so do plain lines."""
    sandbox()
    process = worker().wait_ready()
    line = proxy_before(brokers, carrier)
    terminal = terminal(brokers=line.address)
    settings = {**bench.topic_settings(), "kafka.brokers": line.address}
    words = [word for pair in settings.items() for word in ("--set", "=".join(pair))]
    plain = harness.Process("watch", [harness.BINARY, "watch", "--from-beginning", "--limit", "20", *words], folder)
    try:
        # It shows what comes from its start on.
        terminal.wait("0 in all")
        send(bench, "first", 10)
        results.wait(10, 60, [process])
        terminal.wait("10 in all", "0 in 8 partitions")
        line.down()
        terminal.wait("no answer from the cluster for [1-9]", seconds=60)
        harness.until("lines say so", lambda: "no answer from the cluster" in plain.text(), 60)
        send(bench, "second", 10)
        results.wait(20, 60, [process])
        assert terminal.shows("10 in all")
        line.heal()
        terminal.wait("20 in all", seconds=60)
        harness.until("it is well", lambda: not terminal.shows("no answer"), 30)
        assert plain.popen.wait(30) == 0
        assert sum(text.startswith("{") for text in plain.text().splitlines()) == 20
    finally:
        plain.kill()
        terminal.end()
        line.close()


def send(bench, name, count):
    sessions = [f"{name}-{number:04d}" for number in range(count)]
    bench.produce([harness.command(session, harness.right_code(session)) for session in sessions])


def test_partitions_are_added_while_it_watches(fleet, folder):
    """What is published in a partition that was not there at the start is seen, from its first result on."""
    fleet = fleet(partitions=2)
    bench = fleet.bench
    member = fleet.start()
    member.process.wait_ready()
    words = [word for pair in bench.topic_settings().items() for word in ("--set", "=".join(pair))]
    watch = harness.Process("watch", [harness.BINARY, "watch", "--json", "--limit", "41", "--from-beginning", *words], folder)
    try:
        send(bench, "before", 1)
        harness.until("it watches", lambda: "before-0000" in watch.text())
        bench.grow(4, bench.ledger, bench.results)
        bench.grow(4, bench.commands)
        harness.until("the worker has them", lambda: member.process.metric("assigned_partitions") == 4)
        bench.partitions = 4
        send(bench, "after", 40)
        assert watch.popen.wait(60) == 0
    finally:
        watch.kill()
    seen = {json.loads(text)["source"]["partition"] for text in watch.text().splitlines() if text.startswith("{")}
    assert seen == {0, 1, 2, 3}
    assert member.process.end() == 0


def test_consumers_agree_on_every_result(bench, sandbox, worker, results, folder):
    """kcat, a Python client and `watch --json` read the same results, the same bytes."""
    sandbox("--latency", "1ms-10ms")
    process = worker().wait_ready()
    records = workload(5, 400)
    settings = [word for pair in bench.topic_settings().items() for word in ("--set", "=".join(pair))]
    live = harness.Process(
        "watch-live", [harness.BINARY, "watch", "--json", "--limit", str(len(records)), "--from-beginning", *settings], folder
    )
    try:
        bench.produce(records)
        python = results.wait(len(records), 120, [process])
        assert live.popen.wait(60) == 0
    finally:
        live.kill()
    later = bench.run("watch", "--from-beginning", "--limit", str(len(records)), *settings)
    assert later.returncode == 0
    kcat = [value.decode() for _, _, _, value in bench.consume(bench.results)]
    watched = [text for text in live.text().splitlines() if text.startswith("{")]
    assert len(kcat) == len(records)
    assert collections.Counter(watched) == collections.Counter(later.stdout.splitlines()) == collections.Counter(kcat)
    assert sorted(map(json.dumps, python)) == sorted(json.dumps(json.loads(text)) for text in kcat)
