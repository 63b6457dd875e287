"""Ten thousand commands from a foreign producer: one right answer each, and one call per question."""

import random
import signal

import pytest

import harness
import oracle

SESSIONS = 2_500


def workload(seed, sessions=SESSIONS):
    """Right, wrong, corrected and repeated codes, and records that no worker can use, in a mixed order that keeps each session's."""
    draw = random.Random(seed)
    queues = []
    for number in range(sessions):
        session = f"s{seed}-{number:05d}"
        right = harness.right_code(session)
        plan = draw.choice(
            [
                [right],
                [right, right],
                ["WRNG", right],
                ["WRNG", "WRNG", right, right],
                ["WRNG", "BAD1", "BAD2"],
                [right, "WRNG", right],
            ]
        )
        queues.append([harness.command(session, code) for code in plan])
    unusable = [
        ("k1", "{not json"),
        ("k2", '{"user_gsm":"5324818942","otp_code":"AB12"}'),
        ("k3", '{"user_gsm":"12","otp_session_id":"x","otp_code":"AB12"}'),
        ("k4", '{"user_gsm":5324818942,"otp_session_id":"x","otp_code":"AB12"}'),
        ("k5", '{"otp_session_id":"x","otp_session_id":"y","user_gsm":"5324818942","otp_code":"AB12"}'),
        ("", harness.command("no-key", "AB12")[1]),
        ("k6", ""),
        ("", ""),
        ("k7", "[1,2,3]"),
        ("k8", "null"),
    ]
    queues += [[record] for record in unusable * 20]
    records = []
    while queues:
        index = draw.randrange(len(queues))
        records.append(queues[index].pop(0))
        if not queues[index]:
            queues[index] = queues[-1]
            queues.pop()
    # Whole records delivered again, as a retrying producer without idempotence would.
    return records + draw.sample([record for record in records if record[0].startswith("s")], 500)


def expected_reason(codes, session):
    """What each of a session's commands must come to, in order, when nothing fails."""
    right, known, reasons, verified = harness.right_code(session), {}, [], False
    for code in codes:
        if code in known:
            reasons.append((known[code], True))
        elif verified:
            reasons.append(("session_used", False))
        else:
            known[code] = "ok" if code == right else "wrong_code"
            verified = verified or code == right
            reasons.append((known[code], False))
    return reasons


def test_ten_thousand_commands(bench, sandbox, worker, results):
    sandbox("--latency", "1ms-20ms")
    records = []
    seed = 0
    while len(records) < 10_000:
        seed += 1
        records += workload(seed, 1_500)
    process = worker().wait_ready()
    bench.produce(records)
    results.wait(len(records), 240, [process])
    assert process.end(signal.SIGTERM) == 0, process.text()[-2000:]

    events = bench.events()
    oracle.one_result_per_record(bench, events)
    oracle.one_call_per_question(bench.sandbox)
    oracle.order_within_sessions(events)
    oracle.no_false_verdict(bench, events)
    assert not [event for event in events if event["in_doubt"]]
    judge_reasons(bench, events)
    invalid = [event for event in events if event["status"] == "invalid"]
    assert {event["reason"] for event in invalid} == {
        "malformed",
        "field_otp_session_id",
        "field_user_gsm",
        "key_missing",
    }
    letters = bench.consume(bench.dead_letters)
    assert len(letters) == len(invalid)
    assert all(value is None for _, _, _, value in letters)


def judge_reasons(bench, events):
    by_source = {oracle.source(event): event for event in events}
    sessions = {}
    for partition, offset, key, value in sorted(bench.consume(bench.commands)):
        if key and key.startswith(b"s") and value:
            sessions.setdefault(key.decode(), []).append((by_source[(partition, offset)], value))
    for session, entries in sessions.items():
        codes = [harness.json.loads(value)["otp_code"] for _, value in entries]
        got = [(event["reason"], event["replayed"]) for event, _ in entries]
        assert got == expected_reason(codes, session), f"{session}: {codes}"


def test_killed_ten_times(bench, sandbox, worker, results):
    """The same with `kill -9` at random moments: still one result each, and no second call without a doubt told."""
    sandbox("--latency", "5ms-40ms")
    draw = random.Random(7)
    records = [record for record in workload(11, 1_600)]
    process = worker().wait_ready()
    bench.produce(records)
    for kill in range(10):
        target = int(len(records) * (kill + draw.random()) / 11)
        results.wait(min(target, len(records) - 1), 120, [process])
        process.kill()
        process = worker().wait_ready()
    results.wait(len(records), 240, [process])
    assert process.end(signal.SIGTERM) == 0, process.text()[-2000:]

    events = bench.events()
    oracle.one_result_per_record(bench, events)
    oracle.no_false_verdict(bench, events)
    oracle.second_calls_are_in_doubt(bench.sandbox, events)
    oracle.order_within_sessions(events)


def test_sigterm_under_load(bench, sandbox, worker, results):
    """A drained worker loses nothing, and its successor repeats nothing."""
    sandbox("--latency", "20ms-60ms")
    records = [harness.command(f"d-{number:05d}", harness.right_code(f"d-{number:05d}")) for number in range(4_000)]
    process = worker().wait_ready()
    bench.produce(records)
    results.wait(500, 60, [process])
    assert process.end(signal.SIGTERM, 30) == 0, process.text()[-2000:]
    successor = worker().wait_ready()
    results.wait(len(records), 120, [successor])
    assert successor.end(signal.SIGTERM) == 0

    events = bench.events()
    oracle.one_result_per_record(bench, events)
    oracle.one_call_per_question(bench.sandbox)
    assert {event["reason"] for event in events} == {"ok"}
    assert not [event for event in events if event["in_doubt"]]


# Longer than the worker waits for a commit.
HELD = 8.0


@pytest.mark.parametrize(
    "held, is_coordinator_deposed, end",
    [
        ({"answers": HELD}, False, "committed"),
        # The offset that such a coordinator tells names no batch at all: only the ledger knows.
        ({"answers": HELD}, True, "committed"),
        ({"requests": HELD}, False, "not committed"),
    ],
    ids=["committed", "committed-and-told-an-old-offset", "not-committed"],
)
def test_nobody_knows_how_a_commit_ended(fleet, held, is_coordinator_deposed, end):
    """The worker finds out what became of it: nothing is published twice, nothing lost, and no code is asked about again."""
    fleet = fleet("--latency", "5ms-20ms", partitions=1)
    member = fleet.start()
    member.process.wait_ready()
    sessions = [f"u-{number:03d}" for number in range(60)]
    records = [harness.command(session, harness.right_code(session)) for session in sessions]
    member.kafka.lose_commits(**held)
    member.kafka.tell_first_offsets(is_coordinator_deposed)
    fleet.bench.produce(records[:30])
    told = harness.until("it is known", lambda: member.process.log_lines("unknown commit resolved"), 60)
    assert told[0]["end"] == end
    member.kafka.lose_commits()
    member.kafka.tell_first_offsets(False)
    fleet.bench.produce(records[30:])
    fleet.results.wait(60, 60, [member.process])
    assert member.process.end() == 0
    events, calls = fleet.judge()
    assert len(events) == len(calls) == len(records)
    assert not [event for event in events if event["in_doubt"]]
