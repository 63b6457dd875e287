"""The proxies themselves: what they correct of noida-db holds of any Kafka, and what they cut is cut."""

import threading

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

import fleets
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


@pytest.fixture
def member(bench, lines):
    """Makes members of one group, with or without a name of their own."""
    members = []

    def make(**settings):
        members.append(
            Consumer(
                {
                    "bootstrap.servers": lines.address,
                    "group.id": bench.prefix,
                    "partition.assignment.strategy": "cooperative-sticky",
                    "heartbeat.interval.ms": 500,
                    **settings,
                }
            )
        )
        members[-1].subscribe([bench.commands])
        return members[-1]

    yield make
    for each in members:
        each.close()


def shared(bench, *members):
    """Waits until each has its share of the partitions."""

    def is_shared():
        for member in members:
            member.poll(0.05)
        return all(len(member.assignment()) == bench.partitions // len(members) for member in members)

    harness.until("each has its share", is_shared)


def refusal(transactional, offset, membership):
    """What the broker says to offsets that come with this membership."""
    transactional.begin_transaction()
    with pytest.raises(KafkaException) as refused:
        transactional.send_offsets_to_transaction(offset, membership)
    transactional.abort_transaction()
    return refused.value.args[0].code()


def test_offsets_of_an_older_generation_are_refused(bench, member, transactional):
    first = member()
    shared(bench, first)
    stale = first.consumer_group_metadata()
    shared(bench, first, member())
    offset = [TopicPartition(bench.commands, 0, 1)]
    assert refusal(transactional, offset, stale) == KafkaError.ILLEGAL_GENERATION
    transactional.begin_transaction()
    transactional.send_offsets_to_transaction(offset, first.consumer_group_metadata())
    transactional.commit_transaction()


@fleets.needs_cluster("noida-db looks at neither")
def test_the_coordinator_looks_for_the_member_before_the_generation(bench, member, transactional):
    """So a refused generation says that the member is one still, and a worker keeps its lease."""
    first, second = member(**{"group.instance.id": "a"}), member()
    shared(bench, first, second)
    named, gone = first.consumer_group_metadata(), second.consumer_group_metadata()
    offset = [TopicPartition(bench.commands, 0, 1)]
    second.unsubscribe()
    shared(bench, first)
    assert refusal(transactional, offset, gone) == KafkaError.UNKNOWN_MEMBER_ID
    assert refusal(transactional, offset, named) == KafkaError.ILLEGAL_GENERATION
    shared(bench, member(**{"group.instance.id": "a"}))
    assert refusal(transactional, offset, named) == KafkaError.FENCED_INSTANCE_ID


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
