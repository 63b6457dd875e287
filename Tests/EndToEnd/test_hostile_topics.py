"""Topics as others leave them: records deleted, records that take far more memory than their log, limits that are narrow."""

import re
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import harness
import oracle

MEBIBYTE = 1 << 20
# What the sizing section promises a worker needs at most.
MEMORY = 512 * MEBIBYTE


def commands(prefix, count):
    return [harness.command(f"{prefix}-{number:05d}", harness.right_code(f"{prefix}-{number:05d}")) for number in range(count)]


def peak_bytes(process):
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def test_every_partition_is_read_after_records_were_deleted(bench, sandbox, worker, results):
    """The logs begin above 0: a start reads each of them, and tells the lag of each from the beginning."""
    sandbox()
    process = worker().wait_ready()
    bench.produce(commands("before", 200))
    results.wait(200, 60, [process])
    assert process.end() == 0
    admin = AdminClient({"bootstrap.servers": bench.brokers})
    everything = [TopicPartition(bench.commands, number, -1) for number in range(bench.partitions)]
    for done in admin.delete_records(everything).values():
        done.result(30)
    for round in range(3):
        process = worker().wait_ready()
        lags = set(re.findall(r'otp_worker_partition_lag\{partition="(\d+)"', process.metrics()))
        assert lags == {str(number) for number in range(bench.partitions)}
        bench.produce(commands(f"after-{round}", 100))
        results.wait(200 + 100 * (round + 1), 30, [process])
        assert process.metric("unread_partitions") == 0
        assert process.end() == 0
    oracle.one_result_per_record(bench, [event for event in bench.events() if event["otp_session_id"].startswith("after")])


def test_what_a_transactions_end_has_left_is_not_gone_back_to(bench, sandbox, worker, results):
    """Behind the last command lies the end of its producer's transaction, and both are deleted: nothing there is asked for again."""
    sandbox()
    process = worker().wait_ready()
    producer = Producer({"bootstrap.servers": bench.brokers, "transactional.id": bench.prefix})
    producer.init_transactions(30)
    producer.begin_transaction()
    quiet, busy = range(bench.partitions - 1), bench.partitions - 1
    for number, (session, value) in zip(quiet, commands("quiet", len(quiet))):
        producer.produce(bench.commands, value, session, partition=number)
    producer.commit_transaction(30)
    results.wait(len(quiet), 60, [process])

    def lags():
        return re.findall(r'otp_worker_partition_lag\{partition="\d+"\} (\d+)', process.metrics())

    harness.until("all has been passed", lambda: lags() == ["0"] * bench.partitions)
    admin = AdminClient({"bootstrap.servers": bench.brokers})
    for done in admin.delete_records([TopicPartition(bench.commands, number, -1) for number in quiet]).values():
        done.result(30)
    # So many at once fill the fetch queue, after which the worker sees to it that all is read again.
    producer = Producer({"bootstrap.servers": bench.brokers})
    for burst in range(4):
        for session, value in commands(f"busy-{burst}", 500):
            producer.produce(bench.commands, value, session, partition=busy)
        assert producer.flush(30) == 0
        results.wait(len(quiet) + 500 * (burst + 1), 60, [process])
    assert "partition parked" not in process.text()
    assert process.end() == 0


def key_of_sixty_kilobytes():
    return {"key": b"k" * 60_000}


def eight_thousand_headers():
    return {"headers": [("tracestate", b"vendor=1234")] * 8_000}


@pytest.mark.parametrize("flood", [key_of_sixty_kilobytes, eight_thousand_headers])
def test_a_flood_does_not_fill_the_memory(bench, sandbox, worker, results, flood, capsys):
    """A backlog whose records are valid and large, and compress to next to nothing."""
    sandbox("--latency", "0ms-1ms")
    # Kafka takes no batch beyond the topic's max.message.bytes, unpacked: as much as it lets pass.
    producer = Producer(
        {
            "bootstrap.servers": bench.brokers,
            "compression.type": "lz4",
            "linger.ms": 50,
            "batch.size": 200_000,
            "queue.buffering.max.kbytes": MEBIBYTE,
        }
    )
    refused = []
    # librdkafka itself takes some milliseconds for so many headers of one record.
    count = 3_000 if flood is key_of_sixty_kilobytes else 300
    for session, value in commands("flood", count):
        told = lambda error, _: error and refused.append(error)
        producer.produce(bench.commands, **{"key": session, "value": value, **flood()}, on_delivery=told)
        producer.poll(0)
    assert producer.flush(120) == 0
    assert not refused, refused[0]
    # What is measured is memory: a machine that is busy with the flood answers late.
    process = worker(settings={"commands.max_age": "20m", "check_otp.attempt_timeout": "10s"}).wait_ready()
    results.wait(count, 120, [process])
    peak = peak_bytes(process)
    with capsys.disabled():
        print(f"\n{count} records, {flood.__name__.replace('_', ' ')}: {peak / MEBIBYTE:.0f} MiB at most")
    assert peak < MEMORY
    assert process.end() == 0
    assert {event["reason"] for event in results.events} == {"ok"}


def test_a_narrow_limit_of_the_results_blames_nobody(bench, sandbox, worker, results):
    """A topic's max.message.bytes is a limit of batches: a backlog of small results is published whole, and none is reduced."""
    sandbox("--latency", "0ms-1ms")
    narrow = f"{bench.prefix}.narrow"
    admin = AdminClient({"bootstrap.servers": bench.brokers})
    made = admin.create_topics(
        [NewTopic(narrow, bench.partitions, config={"max.message.bytes": "8192"})]
    )
    made[narrow].result(30)
    bench.produce(commands("narrow", 1_500))
    process = worker(settings={"topics.results": narrow, "commands.max_age": "20m"}).wait_ready()
    harness.until("all are published", lambda: process.metric("commands_total") >= 1_500, 60)
    assert process.metric("undeliverable_results_total") == 0
    assert process.end() == 0
    assert len(bench.consume(narrow)) == 1_500
