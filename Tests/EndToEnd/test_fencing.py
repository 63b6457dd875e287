"""A worker that was paused, cut off or doubled asks nobody, publishes nothing stale, says why it is not ready, and recovers by itself."""

import signal
import threading
import time

import fleets
import harness

needs_cluster = fleets.needs_cluster("noida-db evicts no silent member")
PATIENT = {"check_otp__total_timeout": "60s", "check_otp__retry_initial_backoff": "300ms", "check_otp__max_attempts": "20"}


def right(prefix, count):
    sessions = [f"{prefix}-{number:05d}" for number in range(count)]
    return [harness.command(session, harness.right_code(session)) for session in sessions]


def without_lease(process):
    """The spans of time in which the worker's lease was lost, as its log tells them."""
    begun = [line["at"] for line in process.log_lines("lease lost, calls withheld")]
    proven = [line["at"] for line in process.log_lines("lease valid again, calls go on")]
    return [(start, min((end for end in proven if end >= start), default=time.time())) for start in begun]


def wait(seconds):
    threading.Event().wait(seconds)


def test_paused_past_the_session_timeout(fleet):
    """After SIGCONT no call leaves until a transaction formed since has committed, however long that takes."""
    fleet = fleet("--latency", "20ms-60ms")
    member = fleet.start(**PATIENT)
    member.process.wait_ready()
    records = right("p", 900)
    fleet.bench.produce(records[:300])
    fleet.results.wait(300, 60, [member.process])
    # Commands that wait for another try are those that a worker without this check would ask about on waking.
    fleet.bench.sandbox.faults([{"action": "status", "status": 503}])
    fleet.bench.produce(records[300:600])
    harness.until("commands wait for another try", lambda: member.process.metric("waiting_commands") > 20)
    member.process.popen.send_signal(signal.SIGSTOP)
    stopped = time.time()
    fleet.bench.produce(records[600:])
    wait(fleets.SESSION_TIMEOUT + 2)
    member.kafka.silent()
    fleet.bench.sandbox.faults([])
    member.process.popen.send_signal(signal.SIGCONT)
    harness.until("it loses the lease", lambda: member.process.log_lines("lease lost, calls withheld"), 20)
    wait(3)
    before = len(fleet.bench.sandbox.calls())
    member.kafka.heal()
    fleet.results.wait(len(records), 90, [member.process])

    begun, proven = without_lease(member.process)[0]
    assert proven - begun > 2.5, "the line was silent, and yet it was proven"
    calls = fleet.bench.sandbox.calls()
    # One may have been on its way from the decision to the socket when the process was stopped.
    early = [call for call in calls if stopped + 1 < call["time"] / 1000 < begun]
    assert len(early) <= 1, early
    assert not [call for call in calls if begun < call["time"] / 1000 < proven]
    assert before < len(calls)
    assert [line["cause"] for line in member.process.log_lines("lease lost, calls withheld")][0] == "slept"
    assert member.process.end() == 0
    fleet.judge()


def test_cut_off_from_the_coordinator(fleet):
    """Only the coordinator is silent: noticed, told, and over by itself."""
    fleet = fleet("--latency", "20ms-60ms")
    member = fleet.start(**PATIENT)
    member.process.wait_ready()
    records = right("c", 800)
    fleet.bench.produce(records[:300])
    fleet.results.wait(50, 60, [member.process])
    member.kafka.silent_coordinator()
    for first in range(300, 800, 100):
        fleet.bench.produce(records[first : first + 100])
        wait(2)
    causes = [line["cause"] for line in member.process.log_lines("lease lost, calls withheld")]
    assert "coordinator_silent" in causes, member.process.text()[-2000:]
    member.kafka.heal()
    fleet.results.wait(len(records), 90, [member.process])
    member.process.wait_ready(60)
    assert member.process.end() == 0
    fleet.judge()


def test_broker_lost_for_twenty_seconds(fleet):
    """No connection to any broker for 20 s: not ready and says so; then it goes on, in the same process, and nothing is lost."""
    fleet = fleet("--latency", "20ms-60ms")
    member = fleet.start()
    member.process.wait_ready()
    records = right("b", 900)
    fleet.bench.produce(records[:500])
    fleet.results.wait(50, 60, [member.process])
    member.kafka.down()
    began, cpu = time.monotonic(), member.process.cpu_seconds()
    fleet.bench.produce(records[500:])
    harness.until("not ready", lambda: "broker" in member.process.readiness(), 15)
    while time.monotonic() - began < 20:
        assert member.process.is_running(), member.process.text()[-3000:]
        assert harness.http(f"http://127.0.0.1:{member.process.admin}/live")[0] == 200
        wait(0.5)
    assert member.process.cpu_seconds() - cpu < 8, "it spins"
    assert len(member.process.text()) < 200_000, "it floods the log"
    member.kafka.heal()
    fleet.results.wait(len(records), 60, [member.process])
    member.process.wait_ready(30)
    assert member.process.end() == 0
    fleet.judge()


def test_one_transactional_id_twice(fleet):
    """Two workers with one transactional id: one says why it is not ready, neither crashes; alone again, it recovers."""
    fleet = fleet("--latency", "5ms-20ms")
    same = {"kafka__transactional_id": f"{fleet.bench.prefix}.same"}
    members = [fleet.start(f"worker-{number}", **same) for number in range(2)]
    records = right("t", 600)
    fleet.bench.produce(records[:300])
    harness.until("one says why", lambda: any(tells_of_fencing(member.process) for member in members), 90)
    fleet.bench.produce(records[300:])
    end = time.monotonic() + 10
    while time.monotonic() < end:
        assert all(member.process.is_running() for member in members)
        fleet.results.poll(0.2)
    assert all(len(member.process.text()) < 300_000 for member in members), "it floods the log"
    assert members[1].process.end() == 0
    left = members[:1]
    if not fleets.IS_CLUSTER:
        # noida-db keeps the place of a static member for ever: somebody must take it.
        left.append(fleet.start("worker-1", kafka__transactional_id=f"{fleet.bench.prefix}.other"))
    finished_by(fleet, left, len(records))


@fleets.needs_cluster("noida-db does not fence a static member whose place was taken")
def test_one_instance_id_twice(fleet):
    """Two workers with one instance id: one has it, the other says why it is not ready or waits; neither crashes."""
    fleet = fleet("--latency", "5ms-20ms")
    first = fleet.start("worker-0", kafka__transactional_id=f"{fleet.bench.prefix}.first")
    first.process.wait_ready()
    records = right("i", 600)
    fleet.bench.produce(records[:300])
    fleet.results.wait(100, 60, [first.process])
    second = fleet.start("worker-0", kafka__transactional_id=f"{fleet.bench.prefix}.second")
    fleet.bench.produce(records[300:])
    harness.until("one says why", lambda: any(names_fencing(member.process) for member in (first, second)), 30)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        assert first.process.is_running() and second.process.is_running()
        fleet.results.poll(0.2)
    assert all(len(member.process.text()) < 300_000 for member in (first, second)), "it floods the log"
    assert second.process.end() == 0
    finished_by(fleet, [first], len(records))


def finished_by(fleet, members, count):
    """The members that are left finish everything, and the judgement is the usual one."""
    fleet.results.wait(count, 90, [member.process for member in members])
    for member in members:
        member.process.wait_ready(60)
        assert member.process.end() == 0
    fleet.judge()


def tells_of_fencing(process):
    """While it is not ready, which may be a tenth of a second if the other one has nothing to do; in its log for good."""
    told = process.log_lines("producer fenced: another worker has this transactional id")
    return bool(told) or names_fencing(process)


def names_fencing(process):
    return any(word in str(process.readiness()) for word in ("FENCED", "fenced", "another"))


def test_forgotten_while_it_gives_partitions_back(fleet):
    """librdkafka then keeps the rest of the partitions across a new membership, and tells nobody; the worker gives them up itself."""
    fleet = fleet("--latency", "2500ms")
    slow = {"rebalance__revoke_timeout": "4s"}
    first = fleet.start("worker-0", **slow)
    first.process.wait_ready()
    records = right("g", 300)
    fleet.bench.produce(records[:100])
    fleet.results.wait(100, 60, [first.process])
    second = fleet.start("worker-1", **slow)
    count = 100
    while not first.process.log_lines("partitions revoked"):
        # There are always calls under way, so that what is revoked is not given back at once.
        fleet.bench.produce(records[count : count + 4])
        count += 4
        assert count < len(records), "nothing was revoked"
        wait(0.2)
    first.kafka.forget_member()
    wait(3)
    first.kafka.forget_member(False)
    fleet.bench.produce(records[count:])
    harness.until("it gives them up", lambda: first.process.log_lines("consumer failed"), 30)
    fleet.results.wait(len(records), 90, [first.process, second.process])
    for member in (first, second):
        member.process.wait_ready(60)
        assert member.process.end() == 0
    fleet.judge()


@needs_cluster
def test_a_stale_owner_is_refused(fleet):
    """Its partitions went to another while it slept: what it had finished is refused, and is the other's to do."""
    fleet = fleet("--latency", "200ms-400ms")
    members = [fleet.start(f"worker-{number}") for number in range(2)]
    for member in members:
        member.process.wait_ready()
    records = right("s", 1_000)
    fleet.bench.produce(records)
    fleet.results.wait(100, 60, [member.process for member in members])
    members[0].process.popen.send_signal(signal.SIGSTOP)
    harness.until("the other has them all", lambda: members[1].process.metric("assigned_partitions") == 6, 60)
    members[0].process.popen.send_signal(signal.SIGCONT)
    fleet.results.wait(len(records), 90, [member.process for member in members])
    members[0].process.wait_ready(60)
    assert all(member.process.end() == 0 for member in members)
    events, _ = fleet.judge()
    assert not [event for event in events if event["reason"] == "outcome_unknown"]
