"""Commands as others write them: CloudEvents in both modes, and a card-storage event consumed as it is."""

import base64
import json

import pytest
from confluent_kafka import Producer

import fleets
import harness
import replying
import upstream

PHONE = "+90 532 481 89 42"
TRACE = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "rojo=00f067aa0ba902b7"}


@pytest.fixture
def answers(bench):
    """Results by command id, each with its headers."""
    found = {}

    def receive(message):
        event = json.loads(message.value())
        found[event["command_id"]] = (event, replying.headers_of(message))

    reader = replying.Reader(bench, bench.results, range(bench.partitions), receive)
    yield found
    reader.close()


def produce(bench, records):
    producer = Producer({"bootstrap.servers": bench.brokers, "partitioner": "murmur2_random"})
    for key, value, headers in records:
        producer.produce(bench.commands, json.dumps(value, ensure_ascii=False), key, headers=headers)
    producer.flush(10)


def test_cloud_events(bench, worker, answers):
    def event(number, **members):
        head = {"specversion": "1.0", "id": f"e-{number}", "source": "/shop", "type": "otp.typed", "subject": "ödeme"}
        return {**head, **members}

    def data(number):
        return {"user_gsm": PHONE, "otp_session_id": f"s-{number}", "otp_code": "AB12"}

    structured = {"content-type": "application/cloudevents+json; charset=UTF-8"}
    binary = {"ce_specversion": "1.0", "ce_id": "e-3", "ce_source": "/shop", "ce_type": "otp.typed", "content-type": "application/json"}
    encoded = base64.b64encode(json.dumps(data(2)).encode()).decode()
    records = [
        ("s-1", event(1, data=data(1), **TRACE), structured),
        ("s-2", event(2, data_base64=encoded, datacontenttype="application/json"), structured),
        ("s-3", data(3), {**binary, **TRACE}),
        ("s-4", [event(4, data=data(4))], {"content-type": "application/cloudevents-batch+json", "ce_id": "e-4"}),
        ("s-5", event(5, data="{}"), structured),
    ]
    with upstream.listening() as (url, seen):
        process = worker(url=url).wait_ready()
        produce(bench, records)
        harness.until("all are answered", lambda: len(answers) == len(records) or not process.is_running())
    assert sorted(seen) == ["s-1", "s-2", "s-3"]
    for number in (1, 2, 3):
        result, headers = answers[f"e-{number}"]
        assert (result["status"], result["otp_session_id"]) == ("verified", f"s-{number}")
        for name, value in TRACE.items():
            assert (headers.get(name) == value.encode()) == (number != 2)
            assert (seen[f"s-{number}"].get(name) == value) == (number != 2)
    for number, words in ((4, "one event per record"), (5, "data is not a JSON object")):
        result = answers[f"e-{number}"][0]
        assert (result["status"], result["reason"]) == ("invalid", "malformed") and words in result["message"]


def test_commands_as_producers_really_write_them(bench, worker, answers):
    """What libraries and hands make of a command: read all the same, and the code is asked about as it was meant."""
    def value(number, **changes):
        whole = {"command_id": f"c-{number}", "user_gsm": PHONE, "otp_session_id": f"s-{number}", "otp_code": "AB12", **changes}
        return json.dumps(whole, ensure_ascii=False).encode()

    def event(number, **members):
        head = {"specversion": "1.0", "id": f"c-{number}", "source": "/shop", "type": "otp.typed"}
        return json.dumps({**head, **members}).encode()

    data = {"user_gsm": PHONE, "otp_code": "AB12"}
    read = {
        "no-header": (event("no-header", data={**data, "otp_session_id": "s-no-header"}), {}),
        "sdk": (event("sdk", data={**data, "otp_session_id": "s-sdk"}), {"content-type": "application/json"}),
        "case": (event("case", data={**data, "otp_session_id": "s-case"}), {"Content-Type": "application/cloudevents+json"}),
        "bom": (b"\xef\xbb\xbf" + value("bom"), {}),
        "registry": (b"\0\0\0\x01\x02" + value("registry"), {}),
        "minutes": (value("minutes", expires_at="2099-01-01T13:00+03:00"), {}),
        "lower": (value("lower", expires_at="2099-01-01t13:00:00z"), {}),
        "hours": (value("hours", expires_at="2099-01-01T13:00:00+03"), {}),
        "basic": (value("basic", expires_at="2099-01-01T13:00:00+0300"), {}),
        "brackets": (value("brackets", user_gsm="+90 (0) 532 481 89 42"), {}),
        "zero": (value("zero", user_gsm="+90 0532 481 89 42"), {}),
        "marks": (value("marks", user_gsm="\u202a+90 532 481 89 42\u202c\u200e"), {}),
    }
    digits = {"arabic": "١٢٣٤", "persian": "۱۲۳۴", "wide": "１２３４"}
    slips = {"dash": "AB-12", "space": "AB 12", "turkish": "ŞIFRE", "emoji": "12😀4"}
    refused = {
        "avro": (b"\0\0\0\0\x07\x14" + b"5324818942", "Avro and Protobuf are not read"),
        "protobuf": (b"\0\0\0\0\x07\0\x0a\x0a5324818942", "Avro and Protobuf are not read"),
        "empty": (value("empty", otp_code=""), "1 to 16 characters"),
        "long": (value("long", otp_code="1" * 17), "1 to 16 characters"),
        "number": (value("number", otp_code=1234), "must be a string"),
        "half-event": (event("half-event"), "content-type: application/cloudevents+json"),
    }
    records = [(f"s-{name}", *one) for name, one in read.items()]
    records += [(f"s-{name}", value(name, otp_code=code), {}) for name, code in {**digits, **slips}.items()]
    records += [(f"s-{name}", one, {"ce_id": f"c-{name}"}) for name, (one, _) in refused.items()]
    with upstream.listening() as (url, seen):
        process = worker(url=url).wait_ready()
        producer = Producer({"bootstrap.servers": bench.brokers, "partitioner": "murmur2_random"})
        for key, one, headers in records:
            producer.produce(bench.commands, one, key, headers=headers)
        producer.flush(10)
        harness.until("all are answered", lambda: len(answers) == len(records) or not process.is_running())
    assert sorted(seen) == sorted(f"s-{name}" for name in [*read, *digits])
    for name in [*read, *digits]:
        assert answers[f"c-{name}"][0]["status"] == "verified", answers[f"c-{name}"]
    for name in digits:
        assert seen[f"s-{name}"]["body"]["otp_code"] == "1234"
    for name in read:
        assert seen[f"s-{name}"]["body"]["user_gsm"] == "5324818942"
    for name in slips:
        result = answers[f"c-{name}"][0]
        got = result["status"], result["reason"], result["calls"], result["retryable"], result["in_doubt"], result["replayed"]
        assert got == ("rejected", "wrong_code", 0, False, False, False), result
    for name, (_, words) in refused.items():
        result = answers[f"c-{name}"][0]
        assert result["status"] == "invalid" and words in result["message"], result
    # The user's slips are no dead letters: only the producers' mistakes are.
    assert len(bench.records(bench.dead_letters)) == len(refused)


def test_a_slip_is_no_question(bench, sandbox, worker, results, tmp_path):
    """In its turn, without a call, whatever becomes of its session; and an audit of all topics finds nothing wrong with that."""
    journal = tmp_path / "journal.jsonl"
    sandbox("--journal", str(journal))
    process = worker(settings={"ledger.max_codes_per_session": "1"}).wait_ready()
    codes = ["AB-12", "AB 12", "AB12", "AB-12", "WRNG", "AB12"]
    bench.produce([harness.command("slip-AB12", code) for code in codes])
    events = results.wait(len(codes), 30, [process])
    assert [(event["reason"], event["calls"], event["replayed"]) for event in events] == [
        ("wrong_code", 0, False),
        ("wrong_code", 0, False),
        ("ok", 1, False),
        ("wrong_code", 0, False),
        ("session_used", 0, False),
        ("ok", 0, True),
    ]
    assert len(bench.sandbox.calls()) == 1
    assert process.end() == 0
    bench.sandbox.end()
    fleets.audit(bench, journal, 120, {"ledger.max_codes_per_session": "1"})
    words = [word for pair in bench.topic_settings().items() for word in ("--set", "=".join(pair))]
    assert "can be no code" in bench.run("explain", "slip-AB12", *words).stdout


def test_an_event_of_another_shape(bench, sandbox, worker, answers):
    sandbox()
    fields = {
        "otp_session_id": "/card/otp/session",
        "user_gsm": "/card/owner/phones/0",
        "otp_code": "/typed~1code",
        "command_id": "/event/id",
    }
    process = worker(settings={f"commands.fields.{name}": pointer for name, pointer in fields.items()}).wait_ready()

    def event(number, code):
        card = {"otp": {"session": f"s{number}-AB12"}, "owner": {"name": "Ayşe", "phones": [PHONE, "other"]}}
        return f"s{number}-AB12", {"event": {"id": f"c-{number}"}, "card": card, "typed/code": code}, None

    produce(bench, [event(1, "AB12"), event(2, "WRNG"), event(3, 1234)])
    harness.until("all are answered", lambda: len(answers) == 3 or not process.is_running())
    assert [answers[f"c-{number}"][0]["status"] for number in (1, 2, 3)] == ["verified", "rejected", "invalid"]
    refused = answers["c-3"][0]
    assert refused["reason"] == "field_otp_code"
    assert refused["message"] == "otp_code (/typed~1code) must be a string"
