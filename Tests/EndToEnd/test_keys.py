"""Producers that place keys differently are noticed: with two kinds of them on one topic, and with nothing else."""

import json

from confluent_kafka import Producer

import harness

WARNING = "producers place keys differently: commands of one session may reach different partitions"


def produce(bench, numbers, partitioner):
    producer = Producer({"bootstrap.servers": bench.brokers, "partitioner": partitioner})
    for number in numbers:
        key, value = harness.command(f"s{number}-AB12", "AB12")
        producer.produce(bench.commands, value, key)
    producer.flush(10)


def keys(process):
    return json.loads(harness.http(f"http://127.0.0.1:{process.admin}/status")[1])["keys"]


def test_a_mix_of_partitioners_is_told(bench, sandbox, worker, results):
    sandbox()
    process = worker().wait_ready()
    produce(bench, range(100), "murmur2_random")
    results.wait(100, 60, [process])
    alone = keys(process)
    assert alone["murmur2"] > 50 and (alone["crc32"], alone["neither"], alone["mixed"]) == (0, 0, False)
    assert not process.log_lines(WARNING)

    # librdkafka's own default.
    produce(bench, range(100, 130), "consistent_random")
    results.wait(130, 60, [process])
    mixed = keys(process)
    assert mixed["crc32"] >= 15 and mixed["murmur2"] == alone["murmur2"] and mixed["mixed"]
    assert f'otp_worker_command_keys_total{{partitioner="crc32"}} {mixed["crc32"]}' in process.metrics()
    line = harness.until("the warning", lambda: process.log_lines(WARNING))
    assert len(line) == 1 and "murmur2_random" in line[0]["remedy"]
