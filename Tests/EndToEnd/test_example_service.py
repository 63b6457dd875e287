"""The example of a service that verifies codes answers as its README says, whatever becomes of a worker or of itself."""

import collections
import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import fleets
import harness
import oracle

ROOT = Path(__file__).resolve().parents[2]
BUILD = ["swift", "build", "--package-path", "deploy/examples/verify-service", "--scratch-path", ".build-example"]
# From nothing, on two cores that do other things too.
BUILD_LIMIT = 900
Answer = collections.namedtuple("Answer", "status headers body")


@pytest.fixture(scope="session")
def program():
    """Built once: by deploy/test.sh, which names it in OTP_EXAMPLE_BIN, else here."""
    if given := os.environ.get("OTP_EXAMPLE_BIN"):
        return given
    options = {"cwd": ROOT, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": BUILD_LIMIT}
    done = subprocess.run(BUILD, **options)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    folder = subprocess.run([*BUILD, "--show-bin-path"], check=True, **options).stdout
    return Path(folder.strip()) / "verify-service"


class Service(harness.Process):
    """The example, asked over HTTP."""

    def __init__(self, program, bench, settings):
        self.port = harness.free_port()
        environment = {
            "OTP_KAFKA_BROKERS": bench.brokers,
            "OTP_TOPICS_COMMANDS": bench.commands,
            "OTP_TOPICS_RESULTS": bench.results,
            "HTTP_PORT": str(self.port),
        }
        super().__init__("verify-service", [str(program)], bench.folder, {**environment, **settings})

    def wait_healthy(self):
        def healthy():
            assert self.is_running(), self.text()[-3000:]
            return self.health() == 200

        harness.until("the service listens", healthy)
        return self

    def health(self):
        return harness.http(f"http://127.0.0.1:{self.port}/health")[0]

    def post(self, body):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/verify", body)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, json.load(answer))
        except urllib.error.HTTPError as error:
            text = error.read()
            return Answer(error.code, error.headers, json.loads(text) if text else None)

    def verify(self, session, code=None, **more):
        return self.post({"user_gsm": harness.PHONE, "otp_session_id": session, "otp_code": code or harness.right_code(session), **more})


@pytest.fixture
def service(program, processes):
    def start(bench, **settings):
        processes.append(Service(program, bench, settings))
        return processes[-1]

    return start


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        yield pool


def test_a_worker_is_killed_under_load(fleet, folder, service, pool):
    """Each request gets its own verdict; nothing is lost or doubled, and nothing asked again without a word."""
    journal = folder / "journal-example.jsonl"
    fleet = fleet("--latency", "20ms-60ms", "--journal", str(journal))
    members = [fleet.start(f"worker-{number}") for number in range(2)]
    for member in members:
        member.process.wait_ready()
    verify = service(fleet.bench).wait_healthy().verify
    codes = {f"x-{number:04d}": "WRNG" if number % 3 == 0 else None for number in range(900)}
    requests = {session: pool.submit(verify, session, code) for session, code in codes.items()}
    harness.until("a third is answered", lambda: sum(request.done() for request in requests.values()) >= 300)
    members[0].process.kill()
    assert not all(request.done() for request in requests.values()), "it was killed too late to be missed"
    fleet.start("worker-0").process.wait_ready()

    for session, request in requests.items():
        answer = request.result(60)
        expected = (422, "rejected", "let_the_user_type_again") if codes[session] else (200, "verified", "store_the_card")
        # A call whose answer died with the worker is made again, and the verdict on a wrong code is a doubtful one then.
        doubtful = (422, "rejected", "send_a_new_code")
        told = (answer.status, answer.body["outcome"], answer.body["next"])
        assert told == expected or codes[session] and told == doubtful, f"{session}: {answer.status} {answer.body}"
    events, _ = fleet.judge()
    outcomes = collections.defaultdict(set)
    for event in events:
        outcomes[event["otp_session_id"]].add(event["status"])
    assert {session: outcomes[session] for session in outcomes} == {
        session: {"rejected" if code else "verified"} for session, code in codes.items()
    }
    fleets.audit(fleet.bench, journal, 120)


def test_what_cannot_be_asked(bench, sandbox, worker, service):
    """The field is named, and nothing of what came in is repeated, in the answer or in the log."""
    sandbox()
    worker().wait_ready()
    process = service(bench).wait_healthy()
    good = {"user_gsm": harness.PHONE, "otp_session_id": "bad-AB12", "otp_code": "AB12"}
    marked = "5329998877"
    cases = [
        (f'{{"user_gsm":"{marked}"', None, "malformed"),
        (f'["{marked}"]', None, "malformed"),
        ("", None, "malformed"),
        (json.dumps({**good, "user_gsm": int(marked)}), "user_gsm", "field_user_gsm"),
        (json.dumps({**good, "user_gsm": None}), "user_gsm", "field_user_gsm"),
        (json.dumps({**good, "user_gsm": marked + marked}), "user_gsm", "field_user_gsm"),
        (json.dumps({key: good[key] for key in ("user_gsm", "otp_session_id")}), "otp_code", "field_otp_code"),
        (json.dumps({**good, "otp_code": marked * 3}), "otp_code", "field_otp_code"),
        (json.dumps({**good, "otp_session_id": ""}), "otp_session_id", "field_otp_session_id"),
        (json.dumps({**good, "command_id": ""}), None, "unusable"),
    ]
    for body, field, reason in cases:
        answer = process.post(body.encode())
        assert (answer.status, answer.body.get("field"), answer.body["reason"]) == (400, field, reason), body
        assert (answer.body["outcome"], answer.body["next"]) == ("invalid", "correct_the_request")
        assert marked not in json.dumps(answer.body)
    assert process.post(json.dumps({**good, "more": "x" * 5_000}).encode()).status == 413
    assert bench.sandbox.calls() == []
    wrong = process.verify("bad-AB12", "WRNG")
    assert (wrong.status, wrong.body) == (422, {"outcome": "rejected", "reason": "wrong_code", "next": "let_the_user_type_again"})
    assert process.end() == 0
    for secret in (marked, harness.PHONE, "WRNG"):
        assert secret not in process.text()


def test_an_answer_that_takes_longer_than_the_caller_waits(bench, sandbox, worker, service):
    """It is told where to go on, and the question is put to Paynet once, however often it is asked here."""
    sandbox("--latency", "3s")
    worker().wait_ready()
    process = service(bench, VERIFY_TIMEOUT_SECONDS="1").wait_healthy()
    first = process.verify("slow-AB12")
    assert (first.status, first.body["outcome"], first.body["next"]) == (504, "unanswered", "ask_again")
    assert first.body["reason"] == "timedOut" and first.headers["Retry-After"] == "1"
    again = harness.until(
        "the answer is told",
        lambda: (answer := process.verify("slow-AB12", command_id=first.body["command_id"])).status != 504 and answer,
    )
    assert (again.status, again.body["outcome"]) == (200, "verified")
    assert len(bench.sandbox.calls()) == 1
    ids = {json.loads(value)["command_id"] for *_, value in bench.consume(bench.commands)}
    assert ids == {first.body["command_id"]}


def test_more_than_it_takes_is_turned_away(bench, sandbox, worker, service, pool):
    """At once, with the time after which to come again, and without a command."""
    sandbox("--latency", "3s")
    worker().wait_ready()
    process = service(bench, VERIFY_MAXIMUM_IN_FLIGHT="1").wait_healthy()
    first = pool.submit(process.verify, "room-AB12")
    harness.until("it is under way", lambda: bench.consume(bench.commands))
    second = process.verify("full-AB12")
    assert (second.status, second.body["reason"], second.headers["Retry-After"]) == (503, "overloaded", "1")
    assert first.result(60).status == 200
    assert len(bench.consume(bench.commands)) == 1


def test_it_ends_with_a_request_under_way(bench, sandbox, worker, service, pool):
    """That request is answered, nobody new is let in, and it ends well."""
    sandbox("--latency", "3s")
    worker().wait_ready()
    process = service(bench).wait_healthy()
    idle = socket.create_connection(("127.0.0.1", process.port), timeout=60)
    request = pool.submit(process.verify, "last-AB12")
    harness.until("it is under way", lambda: bench.consume(bench.commands))
    process.popen.send_signal(signal.SIGTERM)
    with idle:
        assert idle.recv(1) == b"", "an idle connection is closed"
    harness.until("nobody new is let in", lambda: not harness.is_open(process.port))
    assert not request.done()
    assert request.result(60).status == 200
    assert process.end() == 0, process.text()[-3000:]


def test_it_is_healthy_only_while_it_hears(bench, brokers, carrier, service):
    """A cluster that is away is told by the probe, for as long as it is away."""
    line = fleets.proxy_before(brokers, carrier)
    try:
        process = service(bench, OTP_KAFKA_BROKERS=line.address).wait_healthy()
        line.down()
        harness.until("it says that it does not hear", lambda: process.health() == 503)
        line.heal()
        harness.until("it hears again", lambda: process.health() == 200)
        assert process.end() == 0
    finally:
        line.close()
