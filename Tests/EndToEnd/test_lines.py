"""The proxies themselves: what they correct of noida-db holds of any Kafka, and what they cut is cut."""

import threading

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

import harness


@pytest.fixture
def transactional(bench, lines):
    producer = Producer({"bootstrap.servers": lines.address, "transactional.id": f"{bench.prefix}.lines"})
    producer.init_transactions()
    return producer


def test_a_reader_that_begins_after_an_aborted_transaction_sees_the_next(bench, lines, transactional):
    # Results are held against the contract; what lies here is nobody's.
    topic = bench.ledger
    for number, end in enumerate([transactional.commit_transaction, transactional.abort_transaction] * 2):
        transactional.begin_transaction()
        transactional.produce(topic, str(number), key=str(number), partition=0)
        transactional.flush()
        end()
    settings = {"bootstrap.servers": lines.address, "group.id": "x", "isolation.level": "read_committed"}
    # Each transaction takes two offsets, the record's and the marker's.
    for start, values in [(0, [b"0", b"2"]), (3, [b"2"]), (4, [b"2"]), (5, [])]:
        reader = Consumer({**settings, "enable.partition.eof": True})
        reader.assign([TopicPartition(topic, 0, start)])
        assert values_to_end(reader) == values
        reader.close()


def values_to_end(reader):
    values = []
    while (message := reader.poll(10)) and not message.error():
        values.append(message.value())
    assert message, "no end of the partition in time"
    return values


def test_offsets_of_an_older_generation_are_refused(bench, lines, transactional):
    settings = {
        "bootstrap.servers": lines.address,
        "group.id": bench.prefix,
        "partition.assignment.strategy": "cooperative-sticky",
        "heartbeat.interval.ms": 500,
    }
    first, second = Consumer(settings), Consumer(settings)
    first.subscribe([bench.commands])
    harness.until("the first has all", lambda: first.poll(0.1) or len(first.assignment()) == bench.partitions)
    stale = first.consumer_group_metadata()
    second.subscribe([bench.commands])

    def is_shared():
        first.poll(0.05), second.poll(0.05)
        return len(first.assignment()) == len(second.assignment()) == bench.partitions // 2

    harness.until("both have their share", is_shared)
    offset = [TopicPartition(bench.commands, 0, 1)]
    transactional.begin_transaction()
    with pytest.raises(KafkaException, match="generation"):
        transactional.send_offsets_to_transaction(offset, stale)
    transactional.abort_transaction()
    transactional.begin_transaction()
    transactional.send_offsets_to_transaction(offset, first.consumer_group_metadata())
    transactional.commit_transaction()
    first.close(), second.close()


def test_a_silent_line_delivers_later(fleet):
    """What was sent meanwhile arrives once the line is healed, and a cut one is made again."""
    fleet = fleet()
    member = fleet.start()
    member.process.wait_ready()
    member.http.silent()
    fleet.bench.produce([harness.command("late-ab12", "AB12")])
    threading.Event().wait(2)
    assert not fleet.results.poll()
    member.http.heal()
    member.kafka.cut()
    member.http.cut()
    assert fleet.results.wait(1, 30)[0]["status"] == "verified"
