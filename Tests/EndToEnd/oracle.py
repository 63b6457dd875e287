"""What every run must have come to, judged from the outside only: the topics as a reader sees them, and the upstream's journal."""

import collections
import json

import harness

IN_DOUBT_REASONS = {"outcome_unknown"}


def source(event):
    return event["source"]["partition"], event["source"]["offset"]


def one_result_per_record(bench, events):
    """Exactly one result for each command record, none for anything else."""
    records = {(partition, offset) for partition, offset, _, _ in bench.consume(bench.commands)}
    counted = collections.Counter(source(event) for event in events)
    doubles = {place: count for place, count in counted.items() if count != 1}
    assert not doubles, f"answered more than once: {sorted(doubles)[:10]}"
    assert set(counted) == records, (
        f"unanswered: {sorted(records - set(counted))[:10]}, answered but not there: {sorted(set(counted) - records)[:10]}"
    )


def calls_by_question(sandbox):
    """Calls per (session, digest of phone and code)."""
    return collections.Counter((call["otp_session_id"], call["digest"]) for call in sandbox.calls())


def one_call_per_question(sandbox):
    repeated = {question: count for question, count in calls_by_question(sandbox).items() if count > 1}
    assert not repeated, f"asked more than once: {list(repeated.items())[:10]}"


def second_calls_are_in_doubt(sandbox, events):
    """A question asked twice belongs to a session whose results say so, or that was verified in the end."""
    flagged = {event["otp_session_id"] for event in events if event["in_doubt"] or event["status"] == "verified"}
    for (session, _), count in calls_by_question(sandbox).items():
        assert count == 1 or session in flagged, f"{session} was asked {count} times, and no result says so"


def no_false_verdict(bench, events):
    """`verified` only for a right code; `rejected` of a right code only where a doubt is told."""
    commands = {}
    for partition, offset, _, value in bench.consume(bench.commands):
        try:
            commands[(partition, offset)] = json.loads(value) if value else None
        except ValueError:
            commands[(partition, offset)] = None
    first_verified = set()
    for event in sorted(events, key=source):
        sent = commands[source(event)]
        if not isinstance(sent, dict) or "otp_session_id" not in sent:
            assert event["status"] == "invalid", event
            continue
        session, code = sent["otp_session_id"], sent.get("otp_code")
        is_right = code == harness.right_code(session)
        if event["status"] == "verified":
            assert is_right, f"a wrong code was verified: {event}"
            first_verified.add(session)
        if event["status"] == "rejected" and event["reason"] == "wrong_code" and is_right:
            raise AssertionError(f"a right code was called wrong: {event}")
        if event["status"] == "rejected" and is_right and session not in first_verified:
            assert event["in_doubt"], f"a right code was rejected without a doubt: {event}"


def order_within_sessions(events):
    """Results of a session are published in the order of its commands, within their partition."""
    last = {}
    for event in events:
        if event["status"] == "invalid" or event["reason"] == "session_busy":
            continue
        key = event["source"]["partition"], event.get("otp_session_id")
        assert last.get(key, -1) < event["source"]["offset"], f"out of order: {event}"
        last[key] = event["source"]["offset"]


def told_in_doubt(events):
    """Sessions whose results say that an answer was lost, or that were verified in the end."""
    return {event["otp_session_id"] for event in events if event.get("otp_session_id")} & {
        event.get("otp_session_id") for event in events if event["in_doubt"] or event["status"] == "verified"
    }


def seen_again_only_in_doubt(calls, events):
    """A question that the upstream has looked at twice belongs to a session whose results say so.

    Calls that it turned away unread (429, 503) do not count: those may be repeated.
    """
    told = told_in_doubt(events)
    counted = collections.Counter((call["otp_session_id"], call["digest"]) for call in calls if call["processed"])
    silent = {question: count for question, count in counted.items() if count > 1 and question[0] not in told}
    assert not silent, f"asked again, and no result says so: {list(silent.items())[:10]}"


def overlapping_only_in_doubt(calls, events):
    """Two calls of one session at a time: only where the earlier one's answer was lost."""
    told = told_in_doubt(events)
    overlapping = {call["otp_session_id"] for call in calls if call["overlapping"]} - told
    assert not overlapping, f"two calls of a session at a time: {sorted(overlapping)[:10]}"


def no_call_after_deadline(calls, sent, seconds):
    """No call about a session later than this after its last command."""
    late = [call for call in calls if call["time"] / 1000 > sent.get(call["otp_session_id"], 0) + seconds]
    assert not late, f"asked after the deadline: {late[:5]}"
