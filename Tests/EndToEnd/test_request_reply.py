"""Request-reply as Spring's `ReplyingKafkaTemplate` plays it: every future completed by its own answer, and no wish that harms others."""

import concurrent.futures
import json
import struct

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

import harness
import oracle
import replying
import upstream

CORRELATION = bytes(range(0xF0, 0x100))


@pytest.fixture
def template(bench):
    made = []

    def make(*arguments, **options):
        made.append(replying.ReplyingTemplate(bench, *arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def answers(bench):
    """What is on the default topic, with headers."""
    messages = []
    reader = replying.Reader(bench, bench.results, range(bench.partitions), messages.append)
    yield messages
    reader.close()


def topic(name):
    return ("kafka_replyTopic", name.encode())


def partition(number):
    return ("kafka_replyPartition", struct.pack(">i", number))


def send(bench, session, headers):
    producer = Producer({"bootstrap.servers": bench.brokers, "partitioner": "murmur2_random"})
    key, value = harness.command(session, harness.right_code(session))
    producer.produce(bench.commands, value, key, headers=headers)
    producer.flush(10)


def wait(messages, count):
    harness.until(f"{count} results on the default topic", lambda: len(messages) >= count)
    return {json.loads(message.value())["otp_session_id"]: replying.headers_of(message) for message in messages}


def test_each_future_gets_its_own_answer(bench, sandbox, worker, template, answers):
    sandbox("--latency", "5ms-80ms")
    shared = replying.create_topic(bench, f"{bench.prefix}.replies", 3)
    own = replying.create_topic(bench, f"{bench.prefix}.own", 2)
    process = worker(settings={"results.allowed_reply_topics": f"{shared},{own}"}).wait_ready()
    clients = [template(shared, 1), template(shared, 2, as_text=True), template(own, partitions=2)]
    futures = {}
    for number in range(30):
        for place, client in enumerate(clients):
            session = f"s{number}-{place}-AB12"
            code = "WRNG" if number % 3 == 0 else "AB12"
            status = "rejected" if number % 3 == 0 else "verified"
            futures[client.send_and_receive(session, code, command_id=f"c{number}-{place}")] = (session, status)
    # One session, three who ask: the second and third answers are the ledger's.
    for client in clients:
        futures[client.send_and_receive("same-AB12", "AB12")] = ("same-AB12", "verified")
    concurrent.futures.wait(futures, 60)
    for future, (session, status) in futures.items():
        event = future.result(0)
        assert (event["otp_session_id"], event["status"]) == (session, status)
    assert not [stray for client in clients for stray in client.strays] and not answers
    assert process.metric("replies_total") == len(futures)
    oracle.one_result_per_record(bench, [future.result() for future in futures])
    assert process.end() == 0

    # An audit knows where to look for them.
    settings = {**bench.topic_settings(), "results.allowed_reply_topics": f"{shared},{own}", "kafka.group_id": f"{bench.prefix}.group"}
    done = bench.run("audit", "--json", *[word for pair in settings.items() for word in ("--set", "=".join(pair))])
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["counts"]["results"] == len(futures)


def test_what_cannot_be_sent_as_asked_goes_to_the_default_topic(bench, sandbox, worker, template, answers):
    sandbox()
    replies = replying.create_topic(bench, f"{bench.prefix}.replies", 2)
    foreign = replying.create_topic(bench, f"{bench.prefix}.foreign", 1)
    missing = f"{bench.prefix}.missing"
    process = worker(settings={"results.allowed_reply_topics": f"{replies},{missing}"}).wait_ready()
    correlation = ("kafka_correlationId", CORRELATION)
    wishes = {
        "not-allowed-AB12": [correlation, topic(foreign)],
        "the-commands-AB12": [correlation, topic(bench.commands)],
        "no-topic-AB12": [correlation, topic(missing)],
        "no-partition-AB12": [correlation, topic(replies), partition(2)],
        "minus-AB12": [correlation, topic(replies), partition(-2)],
        "too-short-AB12": [correlation, topic(replies), ("kafka_replyPartition", b"\1")],
    }
    for session, headers in wishes.items():
        send(bench, session, headers)
    found = wait(answers, len(wishes))
    assert found.keys() == wishes.keys()
    for session, headers in found.items():
        assert headers["kafka_correlationId"] == CORRELATION
        is_marked = "otp_reply_undeliverable" in headers
        assert is_marked == (session not in ("not-allowed-AB12", "the-commands-AB12")), session
    metrics = process.metrics()
    assert 'otp_worker_replies_total{outcome="not_allowed"} 2' in metrics
    assert 'otp_worker_replies_total{outcome="unavailable"} 4' in metrics
    assert process.metric("transaction_aborts_total") == 0
    # Nobody else is held up, and what can be sent as asked is.
    assert template(replies, 1).send_and_receive("good-AB12", "AB12").result(30)["status"] == "verified"


def test_a_reply_topic_that_is_deleted_holds_up_nobody(bench, sandbox, worker, template, answers):
    sandbox()
    replies = replying.create_topic(bench, f"{bench.prefix}.replies", 2)
    process = worker(settings={"results.allowed_reply_topics": replies, "kafka.transaction_timeout": "3s"}).wait_ready()
    assert template(replies, 1).send_and_receive("before-AB12", "AB12").result(30)["status"] == "verified"
    admin = AdminClient({"bootstrap.servers": bench.brokers})
    for done in admin.delete_topics([replies]).values():
        done.result(30)
    for number in range(5):
        # A broker that makes topics by itself makes this one again, with one partition.
        send(bench, f"gone{number}-AB12", [topic(replies), partition(1)])
        send(bench, f"other{number}-AB12", [])
    wait(answers, 10)
    statuses = {json.loads(message.value())["status"] for message in answers}
    assert statuses == {"verified"} and process.is_running()
    assert len(bench.sandbox.calls()) == 11, "an aborted transaction repeats no call"


def test_trace_and_correlation_go_all_the_way(bench, worker, answers):
    headers = {
        "traceparent": b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "tracestate": b"congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
        "kafka_correlationId": CORRELATION,
        "correlation_id": b"\x00\xff order 7",
    }
    with upstream.listening() as (url, seen):
        worker(url=url).wait_ready()
        send(bench, "traced-AB12", list(headers.items()) + [("authorization", b"not for others")])
        send(bench, "plain-AB12", [])
        found = wait(answers, 2)
    for name, value in headers.items():
        assert found["traced-AB12"][name] == value, name
        assert name not in found["plain-AB12"]
    assert "authorization" not in found["traced-AB12"]
    for name in ("traceparent", "tracestate"):
        assert seen["traced-AB12"][name] == headers[name].decode()
        assert name not in seen["plain-AB12"]
