"""What an operator sees of a running worker: its log, its metrics, its page."""

import json
import re
import shutil
import signal
import subprocess

from confluent_kafka import Producer

import harness

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
NO_TRACE = f"00-{harness.PHONE}{harness.PHONE}MARKEDCODE77-00f067aa0ba902b7-01"


def produce(bench, records):
    """Produces (session, value, headers); returns the offsets by partition and offset."""
    placed = {}

    def delivered(error, message):
        assert not error, error
        placed[message.partition(), message.offset()] = message.key().decode()

    producer = Producer({"bootstrap.servers": bench.brokers, "partitioner": "murmur2_random"})
    for session, value, headers in records:
        producer.produce(bench.commands, value, key=session, headers=headers, on_delivery=delivered)
    assert producer.flush(30) == 0
    return placed


def test_every_line_about_a_command_names_its_place_and_trace(bench, sandbox, worker, results):
    sandbox()
    process = worker(settings={"log.levels": "commands=debug", "check_otp.retry_initial_backoff": "20ms"}).wait_ready()
    traced = [("traceparent", f"00-{TRACE_ID}-00f067aa0ba902b7-01")]
    plain, code = "a~503x1~plain", "LAIN"
    placed = produce(
        bench,
        [
            ("a~503x1~traced", harness.command("a~503x1~traced", "ACED")[1], traced),
            (plain, harness.command(plain, code)[1], []),
            ("a~503x1~bogus", harness.command("a~503x1~bogus", "OGUS")[1], [("traceparent", NO_TRACE)]),
            ("unusable", f'{{"user_gsm":"{harness.PHONE}","otp_code":"MARKEDCODE77"}}', traced),
        ],
    )
    results.wait(4, 60, [process])
    assert process.end(signal.SIGTERM) == 0

    lines = [json.loads(line) for line in process.text().splitlines()]
    assert all(line["component"] in ("worker", "commands", "check_otp", "kafka", "rdkafka", "ledger") for line in lines)
    about = [line for line in lines if line["component"] == "commands"]
    told = {}
    for line in about:
        assert line["topic"] == bench.commands
        session = placed[line["partition"], line["offset"]]
        told.setdefault(session, set()).add(line["message"])
        assert line.get("trace_id") == (TRACE_ID if session in ("a~503x1~traced", "unusable") else None), line
    asked = {"attempt failed", "asking again later", "command concluded"}
    assert told == {**{session: asked for session in placed.values()}, "unusable": {"command concluded"}}
    for secret in (harness.PHONE, "MARKEDCODE77", *placed.values()):
        assert secret not in process.text()


def test_metrics_status_and_the_page_for_people(bench, sandbox, worker, results):
    promtool = shutil.which("promtool")
    assert promtool, "promtool is not on the PATH: deploy/test.sh puts it there"
    sandbox()
    process = worker().wait_ready()
    bench.produce([harness.command(f"s{number}-AB12", "AB12") for number in range(20)] + [("bad", "{")])
    results.wait(21, 60, [process])
    # The producers' statistics come every five seconds.
    clients = ("consumer", "transactions", "intents")
    connected = [re.compile(rf'otp_worker_kafka_connected_brokers{{client="{client}"}} [1-9]') for client in clients]
    page = harness.until(
        "all clients are seen", lambda: (page := process.metrics()) and all(one.search(page) for one in connected) and page
    )
    for client in clients:
        assert re.search(rf'otp_worker_kafka_round_trip_seconds{{client="{client}"}} 0\.\d', page), client
    assert 'otp_worker_commands_total{status="verified",reason="ok"} 20' in page
    checked = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True, timeout=60)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")

    def ends_known():
        status = json.loads(harness.http(f"http://127.0.0.1:{process.admin}/status")[1])
        return status if sum(partition.get("end", 0) for partition in status["partitions"]) == 21 else None

    status = harness.until("the ends of the partitions are known", ends_known)
    assert [partition["lag"] for partition in status["partitions"]] == [0] * bench.partitions
    assert (status["worker"], status["topic"]) == ("worker-0", bench.commands)
    assert status["version"] == bench.run("version").stdout.split()[1]
    code, html = harness.http(f"http://127.0.0.1:{process.admin}/")
    assert code == 200 and bench.commands in html.decode() and "<script nonce=" in html.decode()
