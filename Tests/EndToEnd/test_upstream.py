"""An upstream that is down, slow, cuts connections or answers garbage: answers as designed, by the deadline, at no more calls."""

import signal
import time

import harness
import oracle


def play(bench, worker, results, plan, settings=None, url=None, seconds=90):
    """Sends one right code for each session of the plan and returns the events by session."""
    process = worker(settings=settings, url=url).wait_ready()
    bench.produce([harness.command(session, harness.right_code(session)) for session in plan])
    events = results.wait(len(plan), seconds, [process])
    assert process.end(signal.SIGTERM) == 0, process.text()[-2000:]
    oracle.one_result_per_record(bench, bench.events())
    return {event["otp_session_id"]: event for event in events}


def calls(bench, session):
    return [call for call in bench.sandbox.calls() if call["otp_session_id"] == session]


def test_faults_that_a_session_asks_for(bench, sandbox, worker, results):
    sandbox()
    plan = {
        "a~429x2~a1b2": ("verified", "ok", False, 3),
        "a~503x1~a1b2": ("verified", "ok", False, 2),
        "a~http500x1~c3d4": ("verified", "ok", False, 2),
        "a~cut-afterx1~c3d4": ("verified", "already_verified", False, 2),
        "a~cut-beforex1~c3d4": ("verified", "ok", False, 2),
        "a~garbagex1~e5f6": ("verified", "already_verified", False, 2),
        "a~garbage-jsonx1~e5f6": ("verified", "already_verified", False, 2),
        "a~halfx1~e5f6": ("verified", "already_verified", False, 2),
        "a~http500~e5f6": ("failed", "outcome_unknown", True, 2),
        "a~cut-after~g7h8": ("failed", "outcome_unknown", True, 2),
        "a~429~g7h8": ("failed", "upstream_unavailable", False, 4),
        "a~http401~g7h8": ("failed", "upstream_halted", False, 1),
        "a~http400~g7h8": ("failed", "refused_by_upstream", False, 1),
        "a~http302~g7h8": ("failed", "unexpected_answer", False, 1),
        "a~code6~g7h8": ("rejected", "unknown_session", False, 1),
        "a~code17~g7h8": ("rejected", "session_used", False, 1),
        "a~code100~g7h8": ("rejected", "session_used", True, 1),
        "a~code16~g7h8": ("failed", "refused_by_upstream", False, 1),
        "a~code99~g7h8": ("failed", "unexpected_answer", False, 1),
        "a~close~i9j0": ("verified", "ok", False, 1),
        "a~delay300~i9j0": ("verified", "ok", False, 1),
        "a~drip~i9j0": ("verified", "ok", False, 1),
        "a~oversized~i9j0": ("failed", "outcome_unknown", True, 2),
        "a~chunks~i9j0": ("failed", "outcome_unknown", True, 2),
    }
    events = play(bench, worker, results, plan)
    for session, (status, reason, in_doubt, count) in plan.items():
        event = events[session]
        got = event["status"], event["reason"], event["in_doubt"], len(calls(bench, session))
        assert got == (status, reason, in_doubt, count), f"{session}: {event}"


def test_hanging_upstream_is_answered_by_the_deadline(bench, sandbox, worker, results):
    sandbox()
    started = time.time()
    events = play(
        bench,
        worker,
        results,
        {"h~hang~a1b2": None, "h~hang-after~c3d4": None},
        settings={"check_otp.attempt_timeout": "1s", "check_otp.connect_timeout": "1s", "check_otp.budget": "4s", "commands.max_age": "5s"},
    )
    for event in events.values():
        assert (event["status"], event["reason"], event["in_doubt"]) == ("failed", "outcome_unknown", True)
        assert len(calls(bench, event["otp_session_id"])) == 2
    assert time.time() - started < 60


def test_upstream_down_then_up(bench, sandbox, worker, results):
    """Nobody listens: nothing was sent, so nothing is in doubt; and the next command finds it again."""
    sandbox()
    nowhere = f"http://127.0.0.1:{harness.free_port()}"
    settings = {"check_otp.budget": "5s", "check_otp.max_attempts": "3"}
    process = worker(settings=settings, url=nowhere).wait_ready()
    before = process.cpu_seconds()
    bench.produce([harness.command(f"down-{number}", harness.right_code(f"down-{number}")) for number in range(200)])
    events = results.wait(200, 60, [process])
    assert process.cpu_seconds() - before < 10, "it spins"
    assert {(event["reason"], event["in_doubt"], event["retryable"]) for event in events} == {
        ("upstream_unavailable", False, True)
    }
    assert process.end(signal.SIGTERM) == 0
    again = worker().wait_ready()
    bench.produce([harness.command(f"down-{number}", harness.right_code(f"down-{number}")) for number in range(200)])
    events = results.wait(400, 60, [again])
    assert [event["reason"] for event in events[200:]] == ["ok"] * 200
    oracle.one_call_per_question(bench.sandbox)


def test_memory_is_flat_while_the_upstream_fails(bench, sandbox, worker, results):
    sandbox()
    bench.sandbox.faults([{"action": "status", "status": 503}])
    process = worker(settings={"check_otp.max_attempts": "2", "check_otp.retry_base": "20ms"}).wait_ready()
    sizes = []
    for round_number in range(6):
        bench.produce(
            [harness.command(f"m{round_number}-{number}", "AB12") for number in range(1_500)]
        )
        results.wait(1_500 * (round_number + 1), 120, [process])
        sizes.append(process.resident_bytes())
    growth = sizes[-1] - sizes[1]
    # What is remembered of 6,000 sessions is well below this; a leaked command or connection is not.
    assert growth < 25_000_000, sizes
