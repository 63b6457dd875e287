"""One broker of several is killed: what has a leader goes on, what has none is named, and all of it ends by itself.

Judged on a cluster whose brokers can be stopped; see nodes.py."""

import concurrent.futures
import re
import time

import pytest
from confluent_kafka.admin import NewTopic

import fleets
import harness
from nodes import COMMAND, Nodes

pytestmark = pytest.mark.skipif(not COMMAND, reason="set OTP_TEST_KAFKA_NODE to a command that kills and starts brokers")

# Seconds that a partition which has a leader may be without an answer, and within which a worker names what it cannot serve: at first
# all that hangs with it, for the other brokers notice only after some 10 s that one is dead.
LONGEST_SILENCE = 15.0
TOLD_WITHIN = 10.0
NAMED_WITHIN = 20.0
DYNAMIC = {"kafka__group_instance_id": None}


@pytest.fixture
def nodes(brokers):
    nodes = Nodes(brokers)
    yield nodes
    nodes.restore()


def right(turn):
    session = f"n-{turn:06d}"
    return [harness.command(session, harness.right_code(session))]


def test_one_of_three_is_down_for_a_minute(fleet, nodes, capsys):
    """Every partition has two replicas left: none waits longer than the group, the coordinators and its leader take to move."""
    fleet = fleet("--latency", "5ms-30ms", partitions=12)
    members = [fleet.start(f"worker-{number}", **DYNAMIC).process for number in range(2)]
    for member in members:
        member.wait_ready(60)
    longest = {}
    load = fleets.Load(fleet, 100, right)
    for number in range(1, nodes.count + 1):
        load.wait(3)
        began = time.time()
        assert nodes.kill(number) == number
        topics = [fleet.bench.commands, fleet.bench.results, fleet.bench.ledger]
        load.until("all have leaders", lambda: not any({number, -1} & set(nodes.leaders(topic).values()) for topic in topics), 30)
        led = time.time()
        load.wait(60 - (led - began))
        ended = time.time()
        nodes.restore()
        load.wait(5)
        longest[number] = (led, ended)
    fleet.results.wait(load.sent, 90, members)
    assert all(member.end() == 0 for member in members)
    events, calls = fleet.judge()
    waits = {number: max(fleets.silences(events, *moments).values()) for number, moments in longest.items()}
    with capsys.disabled():
        told = ", ".join(f"{wait:.1f} s without {number}" for number, wait in waits.items())
        print(f"\n{load.sent} commands, 12 partitions; longest time without an answer once all had leaders: {told}")
    assert max(waits.values()) < LONGEST_SILENCE


def test_results_without_a_leader_hold_up_their_own_partitions_only(fleet, nodes, brokers, capsys):
    """Results have one replica each: while their broker is away those partitions are named, and all others are answered."""

    def prepare(bench):
        done = nodes.admin.create_topics([NewTopic(bench.results, 6, 1, config={"min.insync.replicas": "1"})])
        done[bench.results].result(30)

    fleet = fleet("--latency", "5ms-30ms", partitions=6, prepare=prepare)
    members = [fleet.start(f"worker-{number}", **DYNAMIC).process for number in range(2)]
    for member in members:
        member.wait_ready(60)
    load = fleets.Load(fleet, 100, right)
    load.wait(3)
    leaders = nodes.leaders(fleet.bench.results)
    # Without the group's coordinator everything stands still for a while: how long is told by the test above.
    coordinator = nodes.coordinator(f"{fleet.bench.prefix}.group")
    victim = next(leader for leader in leaders.values() if leader != coordinator)
    stuck = {number for number, leader in leaders.items() if leader == victim}
    assert stuck and len(stuck) < len(leaders)
    told_of = set()
    began = time.time()
    nodes.kill(victim)

    def told(member):
        return " ".join(member.readiness().values())

    def tells_of(member):
        """What a member says cannot be served: what hangs in its transaction, what lacks a leader, or all, where it cannot write at all."""
        if "before a new producer is there" in told(member):
            return member.partitions()
        hung = re.findall(r"partitions \[([\d, ]+)\]: their transaction", told(member))
        return unled(member) | {int(number) for names in hung for number in names.split(", ")}

    def unled(member):
        return {number for number in stuck if f"{fleet.bench.results}/{number} has no leader" in told(member)}

    def is_told():
        told_of.update(*map(tells_of, members))
        return stuck <= told_of

    def is_named():
        return set.union(*map(unled, members)) == stuck

    def wait_until_told():
        harness.until("it is told that something hangs", is_told, TOLD_WITHIN)
        return time.time() - began

    # Beside the load, which waits for the dead broker too.
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        telling = threads.submit(wait_until_told)
        load.until("what cannot be served is named", is_named, NAMED_WITHIN)
        named = time.time() - began
        after = telling.result()
    load.wait(40)
    ended = time.time()
    nodes.restore()
    load.until("all are ready", lambda: not any(member.readiness() for member in members), 60)
    fleet.results.wait(load.sent, 90, members)
    assert all(member.end() == 0 for member in members)
    events, calls = fleet.judge()
    waits = fleets.silences(events, began, ended)
    free = max(wait for number, wait in waits.items() if number not in stuck)
    with capsys.disabled():
        print(f"\n{load.sent} commands; told after {after:.1f} s, named after {named:.1f} s; the others waited {free:.1f} s at most, these {sorted(stuck)} for all of it")
    assert free < LONGEST_SILENCE
