"""What a command costs: CPU time of the worker, results per second and resident memory, under a full load.

The worker asks a sandbox over TLS that answers after 20 ms, with 512 calls in flight, against the cluster that OTP_TEST_KAFKA names, or
against the embedded broker in a process of its own, whose figures say nothing about Kafka. The first tenth warms up. Figures of one machine compare with each other only; the CPU time per command is the one to quote.

    OTP_WORKER_BIN=.build/release/otp-worker python Tests/EndToEnd/benchmark.py --commands 60000
"""

import argparse
import os
import re
import signal
import tempfile
import time

import harness


def broker(folder):
    process = harness.Process("broker", [harness.BINARY, "broker", "--partitions", "8"], folder)

    def address():
        assert process.is_running(), process.text()
        found = re.search(r"127\.0\.0\.1:\d+", process.text())
        return found.group(0) if found else None

    return process, harness.until("the broker tells its address", address)


def measure(commands, in_flight, latency, tls):
    folder = tempfile.mkdtemp()
    started = []
    if cluster := os.environ.get("OTP_TEST_KAFKA"):
        bench = harness.Bench(cluster, folder).create_topics()
    else:
        process, brokers = broker(folder)
        started.append(process)
        bench = harness.Bench(brokers, folder)
        # The embedded broker comes with these.
        bench.commands, bench.results, bench.ledger, bench.dead_letters = (
            f"otp.verify.{name}" for name in ("commands", "results", "ledger", "dead-letters")
        )
    ca_file = f"{folder}/ca.pem"
    arguments = ["--implicit-sessions", "--latency", latency] + (["--tls", "--ca-file", ca_file] if tls else [])
    sandbox = harness.Sandbox(folder, *arguments)
    settings = {"check_otp.max_in_flight": in_flight, "log.level": "warning"}
    if tls:
        settings["check_otp.ca_file"] = ca_file
    url = f"{'https' if tls else 'http'}://127.0.0.1:{sandbox.port}"
    worker = harness.Worker(bench, "bench-0", settings, url)
    started += [worker, sandbox]
    try:
        worker.wait_ready()
        counter = bench.watch()
        sessions = (f"b{number:07d}" for number in range(commands))
        bench.produce([harness.command(session, harness.right_code(session)) for session in sessions])
        counter.wait(commands // 10, 300, started)
        begin = time.monotonic(), worker.cpu_seconds(), len(counter.events)
        counter.wait(commands, 600, started)
        seconds, cpu, count = time.monotonic() - begin[0], worker.cpu_seconds() - begin[1], commands - begin[2]
        assert all(event["status"] == "verified" for event in counter.events)
        transactions = worker.metric("transactions_total")
        print(
            f"{'TLS' if tls else 'plain'}, {in_flight} in flight, upstream {latency}: {cpu / count * 1e6:.1f} CPU-us per command, "
            f"{count / seconds:.0f} results/s, {worker.resident_bytes() / 1e6:.0f} MB resident, "
            f"{commands / transactions:.0f} commands per transaction"
        )
        counter.close()
        worker.end(signal.SIGTERM)
    finally:
        for process in started:
            if process.is_running():
                process.kill()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--commands", type=int, default=60_000)
    options.add_argument("--in-flight", type=int, default=512)
    options.add_argument("--latency", default="20ms")
    options.add_argument("--plain", action="store_true", help="HTTP instead of HTTPS")
    given = options.parse_args()
    measure(given.commands, given.in_flight, given.latency, not given.plain)
