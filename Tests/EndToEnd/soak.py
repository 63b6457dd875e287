"""Whether a worker stays as it is: memory, files, threads and log of a fleet under load, with an upstream that fails in turns and a
neighbour that is restarted again and again.

It prints a table by quarters of the run and ends with 1 when a limit is broken. Sessions are remembered for `ledger.retention`, so
memory grows by design until that is over: the run sets a short one, and judges growth only where a quarter lasts longer.

    OTP_WORKER_BIN=.build/release/otp-worker python Tests/EndToEnd/soak.py --commands 200000

Against noida-db, which holds about so many; with OTP_TEST_KAFKA=host:port against that cluster, for as long as you like.
"""

import argparse
import contextlib
import os
import pathlib
import signal
import statistics
import sys
import tempfile
import time

import fleets
import harness
import tcp_proxy

# From the second quarter to the last. Allocators keep some of what a burst needed, so a little growth is none.
MEMORY_GROWTH, MEMORY_SLACK = 1.10, 4e6
FILES_GROWTH, FILES_SLACK = 1.10, 8
THREADS_SLACK = 2  # Dispatch's own come and go
METRICS_GROWTH = 1.05
# Over the whole run: what is worth a line comes by time, not by command, and a start has its own.
LOG_LINES, LOG_LINES_OF_A_START = 10.0, 100  # per 1,000 commands
SCRAPE_SECONDS = 0.25  # the median; a scrape shares the loop with the commands
ANSWERED_WITHIN = 60.0  # after the last command, in seconds
# noida-db answers a fetch with all that it has, whatever was asked for, and clients refuse more than 100 MB.
AUDITING = {} if fleets.IS_CLUSTER else {"kafka.properties.receive.message.max.bytes": "2000000000"}
CYCLES = 8  # of the upstream's script in a run: two a quarter, so that quarters compare
RESTARTS, RESTART_PAUSE = 6, 8.0  # how many in a run, if so many seconds lie between two

# What the upstream goes through in one cycle: the share of it, and how it answers meanwhile.
PHASES = {
    "calm": (0.40, []),
    "errors": (0.10, [{"action": "status", "status": 500, "fraction": 0.1}, {"action": "status", "status": 503, "fraction": 0.1}]),
    "crowded": (0.10, [{"action": "status", "status": 429, "fraction": 0.2}]),
    "cutting": (0.10, [{"action": "cut-after", "fraction": 0.05}, {"action": "cut-before", "fraction": 0.05}]),
    "hanging": (0.10, [{"action": "hang", "fraction": 0.01, "processed": True}]),
    "slow": (0.10, [{"action": "delay", "ms": 300, "fraction": 0.5}]),
    "down": (0.05, [{"action": "status", "status": 503}]),
    "garbling": (0.05, [{"action": "half", "fraction": 0.05}, {"action": "garbage", "fraction": 0.05}]),
}


def script(cycle):
    """One cycle of so many seconds, again and again."""
    phases = [
        {"name": name, "seconds": round(share * cycle, 3), "latency_ms": [10, 40], "faults": faults}
        for name, (share, faults) in PHASES.items()
    ]
    return {"phases": phases, "repeat": True}


def commands(turn, later):
    """A session begins: three in four with the right code, the others with a wrong one that is corrected `later` turns on."""
    session, old = f"k-{turn:07d}", f"k-{turn - later:07d}"
    records = [harness.command(session, "WRNG" if turn % 4 == 0 else harness.right_code(session))]
    if turn >= later and (turn - later) % 4 == 0:
        records.append(harness.command(old, harness.right_code(old)))
    return records


class Tally:
    """Counts results as they come, and keeps none."""

    def __init__(self, bench):
        self.counter = bench.watch()
        self.count = 0

    def poll(self, seconds=0.1):
        self.counter.poll(seconds)
        self.count += len(self.counter.events)
        self.counter.events.clear()
        return self.count

    def close(self):
        self.counter.close()


class Sample:
    """What a worker is at one moment."""

    def __init__(self, process, answered):
        folder = pathlib.Path(f"/proc/{process.popen.pid}")
        self.at = time.monotonic()
        self.answered = answered
        self.memory = process.resident_bytes()
        self.files = len(os.listdir(folder / "fd"))
        self.threads = len(os.listdir(folder / "task"))
        self.cpu = process.cpu_seconds()
        log = process.log.read_bytes()
        self.log_bytes, self.log_lines = len(log), log.count(b"\n")
        began = time.monotonic()
        self.metrics = len(process.metrics())
        self.scrape = time.monotonic() - began


class Quarter:
    """What the samples of a quarter come to."""

    def __init__(self, samples):
        def middle(name):
            return statistics.median(getattr(sample, name) for sample in samples)

        self.memory, self.files, self.threads, self.metrics, self.scrape = map(
            middle, ("memory", "files", "threads", "metrics", "scrape")
        )
        first, last = samples[0], samples[-1]
        self.minutes = (last.at - first.at) / 60
        # All workers answered these; they share them evenly.
        self.answered = max(last.answered - first.answered, 1)
        self.cpu = last.cpu - first.cpu
        self.log_bytes = last.log_bytes - first.log_bytes
        self.log_lines = last.log_lines - first.log_lines


class Soak:
    def __init__(self, count, rate, workers, retention, fleet, journal):
        self.count, self.rate, self.workers, self.retention = count, rate, workers, retention
        self.fleet, self.journal = fleet, journal
        self.length = count / rate
        fleet.results.close()
        fleet.results = self.results = Tally(fleet.bench)
        fleet.bench.sandbox.script(script(self.length / CYCLES))
        self.samples = []
        self.restarts = 0

    def start(self, slot):
        settings = {
            "check_otp__attempt_timeout": "2s",
            "check_otp__connect_timeout": "1s",
            "commands__max_age": "30s",
            "ledger__retention": f"{self.retention:.0f}s",
        }
        return self.fleet.start(slot, **settings).process

    def run(self):
        """The load, with a sample a second of the first worker and restarts of the last."""
        steady, restarted = [self.start(f"worker-{number}") for number in range(self.workers)][:: self.workers - 1]
        for process in (steady, restarted):
            process.wait_ready()
        # A turn comes to five commands in four.
        load = fleets.Load(self.fleet, int(self.rate / 1.25), lambda turn: commands(turn, later=self.rate))
        next_sample, ending = 0.0, False
        pause = max(self.length / RESTARTS, RESTART_PAUSE)
        while load.sent < self.count:
            load.go_on()
            elapsed = time.monotonic() - load.began
            assert steady.is_running(), steady.text()[-3000:]
            if elapsed >= next_sample:
                self.samples.append(Sample(steady, self.results.count))
                next_sample += 1.0
            if not restarted.is_running():
                restarted, ending = self.start(f"worker-{self.workers - 1}"), False
            elif not ending and elapsed > (self.restarts + 0.5) * pause:
                # Every third time it is not even asked.
                restarted.popen.send_signal(signal.SIGKILL if self.restarts % 3 == 2 else signal.SIGTERM)
                self.restarts, ending = self.restarts + 1, True
        self.seconds = time.monotonic() - load.began
        if not restarted.is_running():
            restarted = self.start(f"worker-{self.workers - 1}")
        ended = time.monotonic()
        while self.results.poll() < load.sent and time.monotonic() < ended + ANSWERED_WITHIN:
            pass
        self.sent, self.tail = load.sent, time.monotonic() - ended
        for process in (steady, restarted):
            assert process.end() == 0, process.text()[-3000:]

    def broken(self):
        """The limits that do not hold, in words; empty when all do."""
        size = len(self.samples) // 4
        self.quarters = [Quarter(self.samples[size * number : size * (number + 1)]) for number in range(4)]
        whole = Quarter(self.samples)
        _, before, _, after = self.quarters
        said = []

        def hold(what, value, limit, form):
            if value > limit:
                said.append(f"{what}: {form.format(value)}, at most {form.format(limit)}")

        if self.length / 4 > self.retention:
            hold("bytes resident", after.memory, before.memory * MEMORY_GROWTH + MEMORY_SLACK, "{:,.0f}")
            hold("open files", after.files, before.files * FILES_GROWTH + FILES_SLACK, "{:.0f}")
            hold("threads", after.threads, before.threads + THREADS_SLACK, "{:.0f}")
            hold("bytes of /metrics", after.metrics, before.metrics * METRICS_GROWTH, "{:,.0f}")
        lines = max(whole.log_lines - LOG_LINES_OF_A_START, 0)
        hold("log lines per 1,000 commands", lines / whole.answered * self.workers * 1_000, LOG_LINES, "{:.1f}")
        hold("seconds of a scrape", whole.scrape, SCRAPE_SECONDS, "{:.3f}")
        hold("commands without an answer", self.sent - self.results.count, 0, "{}")
        try:
            settings = {"ledger.retention": f"{self.retention:.0f}s", **AUDITING}
            fleets.audit(self.fleet.bench, self.journal, 30, settings)
        except AssertionError as error:
            said.append(str(error))
        return said

    def table(self):
        rows = [
            ("resident, MB", lambda q: f"{q.memory / 1e6:.1f}"),
            ("open files", lambda q: f"{q.files:.0f}"),
            ("threads", lambda q: f"{q.threads:.0f}"),
            ("log lines per minute", lambda q: f"{q.log_lines / q.minutes:.0f}"),
            ("log bytes per minute", lambda q: f"{q.log_bytes / q.minutes:.0f}"),
            ("log lines per 1,000 commands", lambda q: f"{q.log_lines / q.answered * self.workers * 1_000:.1f}"),
            ("/metrics, bytes", lambda q: f"{q.metrics:.0f}"),
            ("/metrics, ms", lambda q: f"{q.scrape * 1e3:.0f}"),
            ("CPU-us per command", lambda q: f"{q.cpu / q.answered * self.workers * 1e6:.0f}"),
            ("commands per second", lambda q: f"{q.answered / q.minutes / 60:.0f}"),
        ]
        head = f"{'worker-0, by quarters':30}" + "".join(f"{name:>12}" for name in ("1st", "2nd", "3rd", "4th"))
        lines = [f"{name:30}" + "".join(f"{form(quarter):>12}" for quarter in self.quarters) for name, form in rows]
        end = (
            f"{self.sent} commands in {self.seconds:.0f} s, the last answered {self.tail:.1f} s later; {self.workers} workers, "
            f"{self.restarts} restarts; sessions are remembered for {self.retention:.0f} s"
        )
        return "\n".join([head, *lines, end])


@contextlib.contextmanager
def soak(count, rate, workers, retention, folder, brokers):
    """A fleet to soak, ended with the block."""
    carrier, started = tcp_proxy.Carrier(), []
    lines = fleets.proxy_before(brokers, carrier)
    bench = harness.Bench(lines.address, folder, partitions=8).create_topics()
    journal = pathlib.Path(folder) / f"journal-{bench.prefix}.jsonl"
    arguments = ["--implicit-sessions", "--wrong-codes", "50", "--journal", str(journal)]
    bench.sandbox = harness.Sandbox(folder, *arguments)
    started.append(bench.sandbox)
    fleet = fleets.Fleet(bench, brokers, carrier, started.append)
    try:
        yield Soak(count, rate, workers, retention, fleet, journal)
    finally:
        fleet.close()
        for process in started:
            if process.is_running():
                process.kill()
        lines.close()
        carrier.close()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--commands", type=int, default=200_000)
    options.add_argument("--rate", type=int, default=800, help="commands per second")
    options.add_argument("--workers", type=int, default=2, help="at least 2: the last is restarted")
    options.add_argument("--retention", type=float, default=60.0, help="ledger.retention, in seconds")
    given = options.parse_args()
    folder = tempfile.mkdtemp()
    with harness.broker(folder) as brokers:
        with soak(given.commands, given.rate, given.workers, given.retention, folder, brokers) as run:
            run.run()
            broken = run.broken()
            print(run.table())
    for text in broken:
        print(f"broken: {text}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
