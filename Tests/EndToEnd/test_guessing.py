"""Hostile producers and clumsy neighbours: what one session, key or phone does costs nobody else, and guessing ends."""

import json

import harness

LEDGER_SECRET = "MARKED-ledger-secret-of-the-test"


def test_one_session_stops_nobody_else(bench, sandbox, worker, results):
    """A firewall refuses one id, another is told to wait, a third trips the upstream up; the others are served as ever."""
    sandbox()
    process = worker(settings={"check_otp.retry_initial_backoff": "10ms", "check_otp.retry_max_backoff": "20ms"}).wait_ready()
    good = 0
    for number in range(8):
        bad = [f"p{number}~http403~x", f"p{number}~code3~x", f"p{number}~429~x", f"p{number}~http500~x"]
        sessions = [f"g{number}-{index:03d}" for index in range(20)]
        records = [harness.command(session, "A1B2") for session in bad]
        records += [harness.command(session, harness.right_code(session)) for session in sessions]
        seen = len(results.events)
        bench.produce(records)
        events = results.wait(seen + len(records), 60, [process])[seen:]
        good += sum(event["reason"] == "ok" for event in events if event["otp_session_id"] in sessions)
    assert good == 160
    assert process.metric("upstream_halts_total") == 0 and process.metric("breaker_openings_total") == 0
    assert process.end() == 0


def test_a_replay_names_the_first_also_after_a_restart(bench, sandbox, worker, results):
    sandbox()
    process = worker(environment={"OTP_CHECK_OTP_SECRET_KEY": harness.KEY, "OTP_LEDGER_SECRET": LEDGER_SECRET}).wait_ready()
    bench.produce([harness.command("first-A1B2", "A1B2", command_id="mine")])
    results.wait(1, 30, [process])
    bench.produce([harness.command("first-A1B2", "A1B2", command_id="a stranger's")])
    first, again = results.wait(2, 30, [process])
    assert "first" not in first and again["status"] == "verified" and again["replayed"]
    assert again["first"] == {"command_id": "mine", "source": first["source"]}
    assert process.metric("verified_replays_total") == 1
    assert process.end() == 0 and "MARKED" not in process.text()
    other = worker(environment={"OTP_CHECK_OTP_SECRET_KEY": harness.KEY, "OTP_LEDGER_SECRET": LEDGER_SECRET}).wait_ready()
    bench.produce([harness.command("first-A1B2", "A1B2")])
    third = results.wait(3, 30, [other])[2]
    assert third["replayed"] and third["first"] == again["first"]
    assert other.end() == 0
    assert len(bench.sandbox.calls()) == 1


def test_a_phone_is_guessed_at_so_often_and_no_more(bench, sandbox, worker, results):
    """Eight sessions of one phone: its wrong codes are counted together, here in one partition; another phone's are its own."""
    sandbox()
    settings = {"ledger.max_wrong_codes_per_phone": "5"}
    process = worker(settings=settings).wait_ready()
    records = [("one-key", harness.command(f"guess-{number}", f"W{number:03d}")[1]) for number in range(40)]
    bench.produce(records + [("one-key", harness.command("other-1", "WRNG", phone="5321112233")[1])])
    events = results.wait(41, 60, [process])
    reasons = [event["reason"] for event in events if event["otp_session_id"] != "other-1"]
    assert (reasons.count("wrong_code"), reasons.count("too_many_codes")) == (5, 35)
    assert [event["reason"] for event in events if event["otp_session_id"] == "other-1"] == ["wrong_code"]
    assert 'otp_worker_guesses_total{limit="phone"} 35' in process.metrics()
    assert process.log_lines("too many codes: it looks like guessing")
    assert harness.PHONE not in process.text()
    assert process.end() == 0


def test_the_key_may_have_to_be_the_session(bench, sandbox, worker, results):
    sandbox()
    process = worker(settings={"commands.key": "session"}).wait_ready()
    value = harness.command("spelt-A1B2", "A1B2")[1]
    bench.produce([("spelt-A1B2", value), ("customer", value), ("", value)])
    events = {event["source"]["partition"] * 1000 + event["source"]["offset"]: event for event in results.wait(3, 30, [process])}
    reasons = sorted(event["reason"] for event in events.values())
    assert reasons == ["key_missing", "key_not_session", "ok"]
    hidden = [json.dumps({"user_gsm": harness.PHONE, "otp_session_id": name, "otp_code": "A1B2"}) for name in ("spelt-A1B2 ", "spelt\u200b-A1B2")]
    bench.produce([("spelt-A1B2", value) for value in hidden])
    assert {event["reason"] for event in results.wait(5, 30, [process])[3:]} == {"field_otp_session_id"}
    assert process.end() == 0
