"""An upstream that is down, slow, cuts connections or answers garbage: answers as designed, by the deadline, at no more calls."""

import base64
import bisect
import gzip
import signal
import threading
import time

import pytest

import harness
import oracle
import upstream

# Where one session's faults are to be none of another's, nothing may spare the upstream.
NOTHING_SPARED = {
    "breaker.consecutive_failures": "1000",
    "breaker.failure_percent": "100",
    "check_otp.retry_percent": "100",
    "check_otp.adaptive_concurrency": "false",
    "check_otp.max_retry_after": "0s",
}


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
        # A proxy's 503 whose back end died after it had processed the request, and what else may have been processed.
        "a~503-afterx1~k1l2": ("verified", "already_verified", False, 2),
        "a~503~k1l2": ("failed", "outcome_unknown", True, 4),
        "a~204-afterx1~k1l2": ("verified", "already_verified", False, 2),
        "a~202~k1l2": ("failed", "outcome_unknown", True, 2),
        "a~page404~k1l2": ("failed", "outcome_unknown", True, 2),
        "a~page403x1~k1l2": ("verified", "ok", False, 2),
        # Not processed, as the server itself says.
        "a~503r0~m3n4": ("failed", "upstream_unavailable", False, 4),
        "a~http408x1~m3n4": ("verified", "ok", False, 2),
        "a~421~m3n4": ("failed", "upstream_unavailable", False, 4),
        "a~425x3~m3n4": ("verified", "ok", False, 4),
        "a~http400~g7h8": ("failed", "refused_by_upstream", False, 1),
        "a~http302~g7h8": ("failed", "unexpected_answer", False, 1),
        "a~code6~g7h8": ("rejected", "unknown_session", False, 1),
        "a~code17~g7h8": ("rejected", "session_used", False, 1),
        "a~code100~g7h8": ("rejected", "session_used", True, 1),
        "a~code16~g7h8": ("failed", "refused_by_upstream", False, 1),
        "a~code99~g7h8": ("failed", "unexpected_answer", False, 1),
        "a~http307~i9j0": ("failed", "unexpected_answer", False, 1),
        "a~chunked~i9j0": ("verified", "ok", False, 1),
        "a~informational~i9j0": ("verified", "ok", False, 1),
        "a~close~i9j0": ("verified", "ok", False, 1),
        "a~delay300~i9j0": ("verified", "ok", False, 1),
        "a~drip~i9j0": ("verified", "ok", False, 1),
        "a~oversized~i9j0": ("failed", "outcome_unknown", True, 2),
        "a~chunks~i9j0": ("failed", "outcome_unknown", True, 2),
    }
    events = play(bench, worker, results, plan, NOTHING_SPARED)
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
        settings={"check_otp.attempt_timeout": "1s", "check_otp.connect_timeout": "1s", "check_otp.total_timeout": "4s", "commands.max_age": "5s"},
    )
    for event in events.values():
        assert (event["status"], event["reason"], event["in_doubt"]) == ("failed", "outcome_unknown", True)
        assert len(calls(bench, event["otp_session_id"])) == 2
    assert time.time() - started < 60


def test_upstream_down_then_up(bench, sandbox, worker, results):
    """Nobody listens: nothing was sent, so nothing is in doubt; and the next command finds it again."""
    sandbox()
    nowhere = f"http://127.0.0.1:{harness.free_port()}"
    settings = {"check_otp.total_timeout": "5s", "check_otp.max_attempts": "3"}
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
    process = worker(settings={"check_otp.max_attempts": "2", "check_otp.retry_initial_backoff": "20ms"}).wait_ready()
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


def burst(bench, results, process, prefix, count):
    """Sends so many right codes at once and returns their results."""
    sessions = [f"{prefix}-{number:04d}" for number in range(count)]
    before = len(results.events)
    bench.produce([harness.command(session, harness.right_code(session)) for session in sessions])
    return results.wait(before + count, 60, [process])


def one_by_one(bench, results, prefix, until, seconds=60):
    """Sends a right code, waits for its result and goes on until one has the reason; returns how many were sent."""
    end, count = time.monotonic() + seconds, 0
    while True:
        assert time.monotonic() < end, f"no result is {until} within {seconds} s"
        session, seen = f"{prefix}-{count:04d}", len(results.events)
        count += 1
        bench.produce([harness.command(session, harness.right_code(session))])
        if until in {event["reason"] for event in results.wait(seen + 1, 30)[seen:]}:
            return count


def test_a_refused_key_halts_calls_until_it_works_again(bench, sandbox, worker, results):
    """No flood of refused calls, and everybody is answered; ready all the same, so that a fix can be rolled out; back by itself."""
    sandbox()
    bench.sandbox.faults([{"action": "status", "status": 401}])
    process = worker(settings={"check_otp.max_in_flight": "16"}).wait_ready()
    events = burst(bench, results, process, "halt", 300)
    assert {(event["status"], event["reason"], event["retryable"]) for event in events} == {("failed", "upstream_halted", True)}
    asked = len(bench.sandbox.calls())
    # Those that were under way when the first refusal came, and a probe or two.
    assert asked <= 20, f"{asked} calls"
    one_by_one(bench, results, "still", "upstream_halted")
    status, body = harness.http(f"http://127.0.0.1:{process.admin}/ready")
    advice = next(condition for condition in harness.json.loads(body)["conditions"] if condition["name"] == "upstream")
    assert status == 200 and not advice["ok"] and "refuses the account or the key: HTTP 401" in advice["detail"], body
    assert process.metric("upstream_halts_total") == 1
    bench.sandbox.faults([])
    one_by_one(bench, results, "works", "ok")
    harness.until("it says so", lambda: process.log_lines("calls go on: the upstream takes the key again"), 10)
    assert process.end() == 0
    oracle.one_result_per_record(bench, bench.events())


def test_an_upstream_that_only_fails_is_left_alone(bench, sandbox, worker, results):
    """Far fewer calls than commands while it is down, every one answered, and served again by itself when it is back."""
    sandbox()
    bench.sandbox.faults([{"action": "status", "status": 503}])
    process = worker(settings={"check_otp.max_in_flight": "16"}).wait_ready()
    events = burst(bench, results, process, "down", 600)
    told = {(event["reason"], event["in_doubt"], event["retryable"]) for event in events}
    # Without Retry-After nobody knows whether a 503 was processed; most were never asked about.
    assert told == {("upstream_unavailable", False, True), ("outcome_unknown", True, True)}
    asked = len(bench.sandbox.calls())
    assert asked < 120, f"{asked} calls for 600 commands"
    assert process.metric("breaker_openings_total") >= 1
    bench.sandbox.faults([])
    one_by_one(bench, results, "up", "ok")
    assert process.end() == 0
    oracle.one_result_per_record(bench, bench.events())


def busiest_second(calls):
    """The most calls within any second."""
    times = sorted(call["time"] for call in calls)
    return max(bisect.bisect_left(times, moment + 1000) - number for number, moment in enumerate(times))


def test_the_fleets_rate_is_kept(bench, sandbox, worker, results):
    sandbox()
    process = worker(settings={"check_otp.rate_limit": "50"}).wait_ready()
    events = burst(bench, results, process, "rate", 200)
    assert {event["reason"] for event in events} == {"ok"}
    asked = bench.sandbox.calls()
    assert busiest_second(asked) <= 55
    assert asked[-1]["time"] - asked[0]["time"] < 8_000, "it could ask faster"
    assert process.end() == 0


RIGHT = '{"code":0,"message":"ok"}'
UNREADABLE = "failed", "outcome_unknown", True, 2
BODIES = {
    "bom": ({"text": "\ufeff" + RIGHT}, ("verified", "ok", False, 1)),
    "html": ({"text": RIGHT, "content_type": "text/html"}, ("verified", "ok", False, 1)),
    "string": ({"text": '{"code":"0"}'}, ("verified", "ok", False, 1)),
    "missing": ({"text": '{"message":"ok"}'}, UNREADABLE),
    "empty": ({"text": ""}, UNREADABLE),
    "trailing": ({"text": RIGHT + " and so on"}, UNREADABLE),
    "not-utf8": ({"base64": base64.b64encode(b'{"code":0,"message":"\xff"}').decode()}, ("verified", "ok", False, 1)),
    "latin5": (
        {"base64": base64.b64encode('{"code":0,"message":"Başarılı İşlem"}'.encode("iso-8859-9")).decode()},
        ("verified", "ok", False, 1),
    ),
    "utf16": ({"base64": base64.b64encode(RIGHT.encode("utf-16")).decode()}, ("verified", "ok", False, 1)),
    "controls": ({"text": '{"code":0,"message":"two\nlines"}\0'}, ("verified", "ok", False, 1)),
    "doubled-latin5": ({"base64": base64.b64encode(b'{"code":17,"m":"\xfe","code":0}').decode()}, UNREADABLE),
    "zipped": ({"base64": base64.b64encode(gzip.compress(RIGHT.encode())).decode()}, UNREADABLE),
    "array": ({"text": "[0]"}, UNREADABLE),
    "fraction": ({"text": '{"code":0.5}'}, UNREADABLE),
    "null": ({"text": '{"code":null}'}, UNREADABLE),
    "huge": ({"text": '{"code":18446744073709551616}'}, UNREADABLE),
    "twice": ({"text": '{"code":17,"code":0}'}, UNREADABLE),
    "created": ({"text": RIGHT, "status": 201}, UNREADABLE),
    "bad": ({"text": RIGHT, "status": 400}, UNREADABLE),
    "ingress": ({"text": "<html>404</html>", "status": 404, "content_type": "text/html"}, UNREADABLE),
    "gateway": ({"text": RIGHT, "status": 502}, UNREADABLE),
}


def test_whatever_body_comes(bench, sandbox, worker, results):
    """Verified only by a readable 200 with code 0; what cannot be read is asked about once more, then in doubt; and all is well after."""
    sandbox()
    bench.sandbox.faults([{"action": "body", "session_prefix": name, **body} for name, (body, _) in BODIES.items()])
    process = worker(settings=NOTHING_SPARED).wait_ready()
    sessions = {f"{name}-a1b2": expected for name, (_, expected) in BODIES.items()}
    bench.produce([harness.command(session, harness.right_code(session)) for session in sessions])
    events = {event["otp_session_id"]: event for event in results.wait(len(sessions), 60, [process])}
    for session, expected in sessions.items():
        event = events[session]
        got = event["status"], event["reason"], event["in_doubt"], len(calls(bench, session))
        assert got == expected, f"{session}: {event}"
    assert all("message" not in events[f"{name}-a1b2"] for name in ("not-utf8", "latin5", "controls"))
    bodies = {line["body"] for line in process.log_lines("attempt failed")}
    # Of so many lines of one kind the log holds some back.
    assert len(bodies - {"readable"}) >= 3, bodies
    assert bodies <= {"readable", "empty", "not JSON", "HTML", "compressed", "wrong charset", "no code"}, bodies
    bench.sandbox.faults([])
    after = burst(bench, results, process, "after", 20)[len(sessions) :]
    assert {event["reason"] for event in after} == {"ok"}
    assert process.end() == 0


def raw(head, body=b""):
    return head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body


FINE = raw("HTTP/1.1 200 OK\nContent-Length: 25", RIGHT.encode())
LATIN5 = '{"code":0,"message":"Başarılı İşlem"}'.encode("iso-8859-9")
DATE = "HTTP/1.1 429 Too Many Requests\nContent-Length: 0\nDate: Sun, 06 Nov 1994 08:49:37 GMT\nRetry-After: "
RAW = {
    "latin5": ([raw(f"HTTP/1.1 200 OK\nContent-Type: application/json; charset=iso-8859-9\nContent-Length: {len(LATIN5)}", LATIN5)], "ok", False, 1),
    "408": ([raw("HTTP/1.1 408 Request Time-out\nContent-Length: 0\nConnection: close"), FINE], "ok", False, 2),
    "204": ([raw("HTTP/1.1 204 No Content")], "outcome_unknown", True, 2),
    "rfc850": ([raw(DATE + "Sunday, 06-Nov-94 08:49:40 GMT"), FINE], "ok", False, 2),
    "asctime": ([raw(DATE + "Sun Nov  6 08:49:40 1994"), FINE], "ok", False, 2),
    "imf": ([raw(DATE + "Sun, 06 Nov 1994 08:49:40 GMT"), FINE], "ok", False, 2),
}


@pytest.mark.parametrize("name", RAW)
def test_an_answer_as_it_is_on_the_wire(bench, worker, results, name):
    answers, reason, in_doubt, count = RAW[name]
    with upstream.saying(*answers) as (url, asked):
        process = worker(url=url).wait_ready()
        bench.produce([harness.command("raw-AB12", "AB12")])
        event = results.wait(1, 30, [process])[0]
        assert (event["reason"], event["in_doubt"], event["calls"], len(asked)) == (reason, in_doubt, count, count), event
        assert (event.get("message") == "ok") == (answers[-1] is FINE)
        if "Retry-After" in answers[0].decode("latin-1"):
            assert 2.9 < asked[1] - asked[0] < 6, asked
        assert process.end() == 0


def test_a_connection_is_given_up_before_the_upstream_closes_it(bench, worker, results):
    """Commands that come just when an idle connection ends: none is lost in it, so none is asked about twice."""
    answer = raw("HTTP/1.1 200 OK\nKeep-Alive: timeout=1\nContent-Length: 25", RIGHT.encode())
    with upstream.saying(answer, patience=1) as (url, asked):
        process = worker(url=url, settings={"check_otp.warm_connections": "0"}).wait_ready()
        for number in range(6):
            bench.produce([harness.command(f"idle-{number}", "AB12")])
            results.wait(number + 1, 30, [process])
            # Just past the end of its time, which ran from the answer on.
            threading.Event().wait(1.02)
        assert process.end() == 0
    assert {(event["reason"], event["calls"], event["in_doubt"]) for event in bench.events()} == {("ok", 1, False)}
    assert len(asked) == 6


def test_an_outage_ends_without_a_herd(bench, sandbox, worker, results):
    """An hour of outage in small: who waited is answered after it, at no more than the rate, and losses come after an outage."""
    sandbox()
    outage = {"name": "outage", "seconds": 8, "faults": [{"action": "status", "status": 503}]}
    lossy = {"name": "lossy", "seconds": 10, "faults": [{"action": "cut-after", "fraction": 0.05, "times": 1, "per": "session"}]}
    bench.sandbox.script({"phases": [outage, lossy]})
    rate = 40
    settings = {"check_otp.rate_limit": rate, "check_otp.total_timeout": "60s", "check_otp.max_attempts": "20"}
    settings |= {"breaker.max_wait": "60s", "breaker.max_open_duration": "4s", "check_otp.retry_percent": "100"}
    process = worker(settings=settings).wait_ready()
    events = burst(bench, results, process, "herd", 400)
    assert {(event["status"], event["in_doubt"]) for event in events} == {("verified", False)}
    asked = bench.sandbox.calls()
    cut = sum(call.get("fault") == "cut-after" for call in asked)
    assert cut > 0 and cut == sum(event["reason"] == "already_verified" for event in events)
    down = [call for call in asked if call.get("status") == 503]
    assert len(down) <= 30, f"{len(down)} calls for 400 commands while it is down"
    assert len(asked) == 400 + len(down) + cut
    # On a busy machine calls reach the journal in bunches; a herd would be the 400.
    assert busiest_second(asked) <= rate * 1.25
    assert process.end() == 0
    oracle.one_result_per_record(bench, bench.events())
