"""A fleet goes from one version to the next and back, worker by worker, under load; and what a later version left is never misread.

OTP_WORKER_OTHER_BIN names another build of the worker to go to. Without it the build under test takes both parts, and what a later
version would have written is written here, as the coding says, under the next version's number.
"""

import base64
import collections
import os
import signal
import socket
import struct
import time
import zlib

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

import fleets
import harness
import oracle

OTHER = os.environ.get("OTP_WORKER_OTHER_BIN")
# Sessions that begin each second, and the seconds from one of a session's four commands to the next: a worker or two later.
RATE, PAUSE = 60, 3
SLOTS = 3
# Of one partition, while its worker is replaced: the last calls, a start and a restore, on a busy machine.
LONGEST_SILENCE = 10.0


def asked(session, code=None):
    return harness.command(session, code or harness.right_code(session))


def life(turn):
    """What is sent in one turn: a session begins with a wrong code, is corrected later, and both are repeated later still."""
    sessions = [f"u-{number:06d}" for number in range(turn, turn - 4 * PAUSE * RATE, -PAUSE * RATE) if number >= 0]
    return [asked(session, code) for session, code in zip(sessions, ["WRNG", None, "WRNG", None])]


def test_each_worker_replaced_and_back(fleet, folder, capsys):
    """Nobody waits long, every command has one result, and nothing that one version knows is asked again by the other."""
    journal = folder / "journal-upgrade.jsonl"
    fleet = fleet("--latency", "20ms-60ms", "--journal", str(journal))
    members = [fleet.start(f"worker-{number}") for number in range(SLOTS)]
    for member in members:
        member.process.wait_ready()
    load, spells, takes = fleets.Load(fleet, RATE, life), [], []
    load.wait(2 * PAUSE)
    for binary in (OTHER, None):
        began = time.time()
        for number, member in enumerate(members):
            stopped = time.monotonic()
            member.process.popen.send_signal(signal.SIGTERM)
            load.until("it ends", lambda: not member.process.is_running())
            assert member.process.popen.returncode == 0, member.process.text()[-2000:]
            members[number] = fleet.start(f"worker-{number}", binary)
            load.until("its successor is ready", lambda: not members[number].process.readiness())
            takes.append(time.monotonic() - stopped)
            load.wait(1)
        spells.append((began, time.time()))
        load.wait(2 * PAUSE)
    fleet.results.wait(load.sent, 60, [member.process for member in members])
    assert all(member.process.end() == 0 for member in members)

    events, calls = fleet.judge()
    fleets.audit(fleet.bench, journal, 120)
    longest = max(silence for spell in spells for silence in fleets.silences(events, *spell).values())
    with capsys.disabled():
        print(
            f"\n{load.sent} commands, {2 * SLOTS} replacements, each done within {max(takes):.1f} s; "
            f"longest time without an answer of a partition {longest:.1f} s"
        )
    assert longest < LONGEST_SILENCE
    doubts = [event for event in events if event["in_doubt"]]
    assert not doubts, f"{len(doubts)} in doubt: the versions do not read each other's ledger, such as {doubts[0]}"
    oracle.one_call_per_question(fleet.bench.sandbox)
    told = collections.defaultdict(list)
    for event in sorted(events, key=oracle.source):
        told[event["otp_session_id"]].append((event["reason"], event["replayed"]))
    whole = [("wrong_code", False), ("ok", False), ("wrong_code", True), ("ok", True)]
    assert all(lives == whole[: len(lives)] for lives in told.values()), [one for one in told.items() if one[1] != whole][:5]


def later(value, versions=1):
    """As a later version would write it: the same coding under its number, and one field more."""
    return bytes([value[0] + versions]) + value[1:] + b"\x01" * versions


def newest(ledger, kind, session):
    """The last intent (`i`) or state (`s`) of a session."""
    start = kind + session.encode()
    return next(record for record in reversed(ledger) if record.value and record.key.startswith(start))


def partition_of(session, total):
    """Where kcat sends its commands."""
    return zlib.crc32(session.encode()) % total


def sessions_of(prefix, count, partitions, total):
    """So many whose commands go to these partitions."""
    names = (f"{prefix}-{number:04d}" for number in range(10_000))
    return [name for name in names if partition_of(name, total) in partitions][:count]


def test_what_a_later_version_wrote_is_in_doubt(fleet, folder):
    """Its entries put their sessions in doubt until they are verified, across hand-overs too, and no other session."""
    journal = folder / "journal-later.jsonl"
    fleet = fleet("--latency", "5ms-20ms", "--journal", str(journal), partitions=4)
    bench = fleet.bench
    members = [fleet.start(f"worker-{number}", kafka__session_timeout="30s") for number in range(2)]
    for member in members:
        member.process.wait_ready()
    load, sent = fleets.Load(fleet, RATE, life), collections.Counter()

    def answered(records):
        """What these commands came to, by session: reason, replayed, in doubt."""
        bench.produce(records)
        sent.update(session for session, _ in records)

        def results():
            events = sorted(fleet.results.events, key=oracle.source)
            return [event for event in events if event["otp_session_id"] in sent]

        load.until("they are answered", lambda: len(results()) == sent.total())
        last = {event["otp_session_id"]: (event["reason"], event["replayed"], event["in_doubt"]) for event in results()}
        return {session: last[session] for session, _ in records}

    def handed_over():
        """Worker 0 stops and starts again; in between its partitions are nobody's."""
        members[0].process.popen.send_signal(signal.SIGTERM)
        load.until("it ends", lambda: not members[0].process.is_running())
        assert members[0].process.popen.returncode == 0, members[0].process.text()[-2000:]
        yield
        members[0] = fleet.start("worker-0", kafka__session_timeout="30s")
        load.until("its successor is ready", lambda: not members[0].process.readiness())
        yield

    partitions = members[0].process.partitions()
    assert partitions and len(partitions) < 4
    kept, restated, intended = (sessions_of(name, 5, partitions, 4) for name in ("kept", "restated", "intended"))
    unknown = sessions_of("unknown", 5, partitions, 4)
    wrong = answered([asked(session, "WRNG") for session in kept + restated + intended])
    assert set(wrong.values()) == {("wrong_code", False, False)}

    step = handed_over()
    next(step)
    ledger = bench.records(bench.ledger)
    written = [newest(ledger, b"s", session) for session in restated]
    for session in intended:
        # About another code: a fingerprint that nobody here has made, under the fleet's key.
        intent = newest(ledger, b"i", session)
        written.append(intent._replace(key=intent.key[:-16] + bytes(16)))
    for session in unknown:
        state = newest(ledger, b"s", kept[0])
        written.append(state._replace(key=b"s" + session.encode(), partition=partition_of(session, 4)))
    producer = Producer({"bootstrap.servers": bench.brokers})
    for record in written:
        producer.produce(bench.ledger, later(record.value), record.key, record.partition)
    assert producer.flush(30) == 0
    next(step)

    told = answered([asked(session, "WRNG") for session in kept + restated + intended + unknown])
    assert {told[session] for session in kept} == {("wrong_code", True, False)}
    assert {told[session] for session in restated + intended} == {("wrong_code", True, True)}
    assert {told[session] for session in unknown} == {("wrong_code", False, True)}
    # The state that was written over the entry carries the doubt to the next owner, and `verified` ends it.
    list(handed_over())
    told = answered([asked(session, "BAD1") for session in restated + intended + unknown])
    assert set(told.values()) == {("wrong_code", False, True)}
    told = answered([asked(session) for session in restated + intended + unknown])
    assert set(told.values()) == {("ok", False, False)}

    fleet.results.wait(load.sent + sent.total(), 60, [member.process for member in members])
    assert all(member.process.end() == 0 for member in members)
    events, calls = fleet.judge()
    fleets.audit(bench, journal, 120)
    oracle.one_call_per_question(bench.sandbox)
    special = {*kept, *restated, *intended, *unknown}
    assert not [event for event in events if event["in_doubt"] and event["otp_session_id"] not in special]


def commit_offset(bench, partition, offset, metadata):
    """Commits for the group, which has no member now; byte for byte, which the Python client's metadata are not."""

    def text(value):
        return struct.pack(">h", len(value)) + value.encode()

    request = struct.pack(">hhi", 8, 2, 1) + text("later") + text(f"{bench.prefix}.group") + struct.pack(">i", -1) + text("")
    request += struct.pack(">qi", -1, 1) + text(bench.commands) + struct.pack(">iiq", 1, partition, offset) + text(metadata)
    answers = [answer_of(address, request) for address in bench.brokers.split(",")]
    # Only the group's coordinator takes it.
    assert sum(answer.endswith(struct.pack(">ih", partition, 0)) for answer in answers) == 1, answers


def answer_of(address, request):
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 10) as line, line.makefile("rb") as answers:
        line.sendall(struct.pack(">i", len(request)) + request)
        return answers.read(struct.unpack(">i", answers.read(4))[0])


@pytest.mark.parametrize("versions", [0, 1], ids=["this version", "a later one"])
def test_finished_beyond_the_offset(bench, sandbox, worker, results, versions):
    """What this version wrote beside an offset is used. Of a later one's nothing is: the whole ledger is read, and the commands are
    answered again, without a call."""
    sandbox()
    dynamic = {"kafka.group_instance_id": None}
    sessions = sessions_of("b", 20, {0}, bench.partitions)
    process = worker(settings=dynamic).wait_ready()
    bench.produce([asked(session) for session in sessions])
    results.wait(len(sessions), 60, [process])
    assert process.end() == 0

    # The first of these has no answer yet; what stands beside the offset says that the others have, and that no ledger need be read.
    new = sessions_of("new", 1, {0}, bench.partitions)
    bench.produce([asked(session) for session in new + sessions[:4]])
    cluster = AdminClient({"bootstrap.servers": bench.brokers}).list_topics(bench.commands, 30).cluster_id.encode()
    ledger = max(record.offset for record in bench.records(bench.ledger) if record.partition == 0) + 1
    value = bytes([1, len(cluster)]) + cluster + struct.pack("<qQQq", len(sessions), 4711, 1, ledger) + bytes([0b1111])
    commit_offset(bench, 0, len(sessions), base64.b64encode(later(value, versions)).decode())

    process = worker(settings=dynamic).wait_ready()
    again = sessions[:4] if versions else []
    results.wait(len(sessions) + 1 + len(again), 60, [process])
    restored = {line["partition"]: line["whole_ledger"] for line in process.log_lines("partition restored")}
    assert restored[0] == bool(versions)
    assert process.end() == 0
    events = [event for event in bench.events() if event["source"]["offset"] >= len(sessions)]
    told = [(event["otp_session_id"], event["replayed"]) for event in sorted(events, key=oracle.source)]
    assert told == [(new[0], False), *((session, True) for session in again)]
    oracle.one_call_per_question(bench.sandbox)
