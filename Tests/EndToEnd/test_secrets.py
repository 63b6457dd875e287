"""No secret in any output: marked code, phone and key are looked for wherever a worker can write."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

import harness

CODE = "MARKEDCODE77"
MARKED_PHONE = "5399911227"


def test_no_secret_anywhere(bench, sandbox, worker, results, folder):
    sandbox("--journal", str(folder / "journal.jsonl"))
    sessions = [
        "plain",
        "s~429~x",
        "s~http500~x",
        "s~http400~x",
        "s~http401~x",
        "s~cut-after~x",
        "s~garbage~x",
        "s~garbage-json~x",
        "s~half~x",
        "s~hang~x",
    ]
    settings = {"check_otp.attempt_timeout": "500ms", "check_otp.connect_timeout": "500ms", "check_otp.total_timeout": "2s", "log.level": "trace"}
    process = worker(settings=settings).wait_ready()
    records = [harness.command(session, CODE, MARKED_PHONE) for session in sessions]
    records += [
        ("bad-1", f'{{"user_gsm":"{MARKED_PHONE}","otp_code":"{CODE}","otp_session_id":7}}'),
        ("bad-2", f'{{"user_gsm":"{MARKED_PHONE}","otp_code":"{CODE} {CODE} {CODE}","otp_session_id":"x"}}'),
        ("bad-3", f'{{"{CODE}":"{MARKED_PHONE}"'),
        ("bad-4", f'{{"user_gsm":"{CODE}","otp_code":"{MARKED_PHONE}x!","otp_session_id":"x"}}'),
    ]
    bench.produce(records)
    results.wait(len(records), 60, [process])
    status = harness.http(f"http://127.0.0.1:{process.admin}/status")[1].decode()
    metrics = process.metrics()
    assert process.end(signal.SIGTERM) == 0

    places = {
        "log": process.text(),
        "metrics": metrics,
        "status": status,
        "journal": (folder / "journal.jsonl").read_text(),
        "sandbox": bench.sandbox.text(),
    }
    for topic in (bench.results, bench.ledger, bench.dead_letters):
        places[topic] = "".join(
            (part or b"").decode("latin-1") for _, _, key, value in bench.consume(topic) for part in (key, value)
        )
    ledger = bench.run("ledger", *[word for pair in bench.topic_settings().items() for word in ("--set", "=".join(pair))])
    places["otp-worker ledger"] = ledger.stdout + ledger.stderr
    for place, text in places.items():
        assert text, f"{place} is empty, so nothing was looked at"
        for secret in (CODE, MARKED_PHONE, harness.KEY):
            assert secret.lower() not in text.lower(), f"a secret is in {place}"


def test_the_environment_forgets_the_key(worker, sandbox):
    sandbox()
    environment = {"OTP_CHECK_OTP_SECRET_KEY": harness.KEY, "OTP_KAFKA_PROPERTIES_SSL_KEY_PASSWORD": "MARKEDPASSWORD"}
    process = worker(environment=environment).wait_ready()
    left = Path(f"/proc/{process.popen.pid}/environ").read_bytes()
    assert b"OTP_CHECK_OTP_SECRET_KEY" in left, "nothing was looked at"
    for secret in (harness.KEY, "MARKEDPASSWORD"):
        assert secret.encode() not in left, "the environment still holds a secret"
    assert process.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("crash", [signal.SIGSEGV, signal.SIGABRT, signal.SIGTRAP])
def test_a_crash_shows_no_memory(worker, sandbox, crash):
    """Swift's runtime would print what each register points to."""
    sandbox()
    environment = {"OTP_CHECK_OTP_SECRET_KEY": harness.KEY, "SWIFT_BACKTRACE": "enable=yes"}
    process = worker(environment=environment).wait_ready()
    assert process.end(crash) == -crash
    assert "Registers:" not in process.text() and "Backtrac" not in process.text()


def test_nobody_but_root_can_look_into_the_process(folder):
    """What may not be dumped belongs to root in /proc, and so do its memory, its environment and its core dump."""
    options = {"user": 65534} if os.getuid() == 0 else {}
    port = harness.free_port()
    with (Path(folder) / "shield.log").open("wb") as log:
        process = subprocess.Popen([harness.BINARY, "sandbox", "--port", str(port)], stdout=log, stderr=log, **options)
    try:
        harness.until("the sandbox listens", lambda: harness.is_open(port))
        assert f"Uid:\t{options.get('user', os.getuid())}\t" in Path(f"/proc/{process.pid}/status").read_text()
        assert Path(f"/proc/{process.pid}/environ").stat().st_uid == 0
    finally:
        process.kill()
        process.wait(10)
