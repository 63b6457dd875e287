"""Unusable commands are found, told without a secret, and put back without being doubled."""

import json
import signal

from confluent_kafka import Producer

import contract
import harness

CODE = "MARKEDCODE77"
MARKED_PHONE = "5399911227"


SIGNED = {"OTP_CHECK_OTP_SECRET_KEY": harness.KEY}
UNSIGNED = "replays are not signed"


def dead_letters(bench, *arguments, status=0, environment=None):
    settings = [word for pair in bench.topic_settings().items() for word in ("--set", "=".join(pair))]
    done = bench.run("dead-letters", *arguments, *settings, environment=environment)
    assert done.returncode == status, done.stdout + done.stderr
    for secret in (CODE, MARKED_PHONE, harness.KEY):
        assert secret not in done.stdout + done.stderr
    return done


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def coordinates(letter, of="source"):
    return "{topic}/{partition}/{offset}".format(**letter[of])


def test_list_and_show(bench, sandbox, worker, results):
    sandbox()
    process = worker().wait_ready()
    unusable = [
        ("a", f'{{"user_gsm":"{MARKED_PHONE}","otp_code":"{CODE}","otp_session_id":7}}'),
        ("b", f'{{"user_gsm":"{MARKED_PHONE}1","otp_code":"{CODE}","otp_session_id":"b"}}'),
        (MARKED_PHONE, f'{{"{CODE}":"{MARKED_PHONE}"'),
        ("", harness.command("c", CODE, MARKED_PHONE)[1]),
    ]
    bench.produce([*unusable, harness.command("fine-AB12", "AB12")])
    events = results.wait(5, 60, [process])

    letters = lines(dead_letters(bench, "list"))
    invalid = {coordinates(event): event for event in events if event["status"] == "invalid"}
    assert {coordinates(letter): letter["reason"] for letter in letters} == {key: invalid[key]["reason"] for key in invalid}
    assert {letter["reason"] for letter in letters} == {"field_otp_session_id", "field_user_gsm", "malformed", "key_missing"}
    two = lines(dead_letters(bench, "list", "--reason", "malformed", "--reason", "key_missing", "--since", "1h"))
    assert sorted(letter["reason"] for letter in two) == ["key_missing", "malformed"]
    assert lines(dead_letters(bench, "list", "--until", "1h")) == []
    assert "field_user_gsm" in dead_letters(bench, "list", "--reason", "fine", status=2).stderr

    for letter in letters:
        shown = json.loads(dead_letters(bench, "show", coordinates(letter), "--json").stdout)
        assert shown["source"] == letter["source"] and shown["is_kept"] and not shown["is_usable_now"]
        # By the letter's own place it is the same one.
        assert dead_letters(bench, "show", coordinates(letter, "letter"), "--json").stdout.strip() == json.dumps(
            shown, separators=(",", ":"), ensure_ascii=False
        )
    phone = next(letter for letter in letters if letter["reason"] == "field_user_gsm")
    text = dead_letters(bench, "show", coordinates(phone)).stdout
    assert "user_gsm must be a Turkish mobile number" in text and '"otp_session_id": "b"' in text
    assert f'"otp_code": <string, {len(CODE)} characters>' in text
    assert "no dead letter" in dead_letters(bench, "show", f"{bench.commands}/0/999999", status=1).stderr
    # What is said of an unusable command to its producer says the same.
    assert invalid[coordinates(phone)]["message"] in text


def test_a_replay_goes_through_the_ledger(bench, sandbox, worker, results):
    """Too large for the worker at first; its session is verified meanwhile, so that the replay costs no call."""
    sandbox()
    process = worker(settings={"commands.max_bytes": 256}).wait_ready()
    bench.produce([harness.command("big-AB12", "AB12", padding="x" * 300), harness.command("big-AB12", "AB12")])
    bench.produce([harness.command("new-CD34", "CD34", padding="x" * 300, command_id="mine")])
    results.wait(3, 60, [process])
    assert process.end(signal.SIGTERM) == 0
    first = {event["reason"]: event for event in results.events if event["source"]["offset"] == 0}
    letters = lines(dead_letters(bench, "list"))
    assert [letter["reason"] for letter in letters] == ["too_large"] * 2

    before = bench.consume(bench.commands)
    planned = dead_letters(bench, "replay")
    assert "2 would be replayed; nothing was written" in planned.stderr
    assert bench.consume(bench.commands) == before
    done = lines(dead_letters(bench, "replay", "--execute"))
    assert {line["action"] for line in done} == {"replayed"}
    # Again: nothing more to do.
    again = lines(dead_letters(bench, "replay", "--execute"))
    assert {line["action"] for line in again} == {"skipped"}
    assert len(bench.consume(bench.commands)) == len(before) + 2

    process = worker().wait_ready()
    replayed = results.wait(5, 60, [process])[3:]
    by_session = {event["otp_session_id"]: event for event in replayed}
    known, fresh = by_session["big-AB12"], by_session["new-CD34"]
    assert (known["status"], known["replayed"], known["calls"]) == ("verified", True, 0)
    assert (fresh["status"], fresh["replayed"], fresh["calls"]) == ("verified", False, 1)
    assert len(bench.sandbox.calls()) == 2
    # Each is known by the name that its first record had.
    named = {letter["key"]: coordinates(letter) for letter in letters}
    assert known["command_id"] == named["big-AB12"] and fresh["command_id"] == "mine"
    assert first["too_large"]["command_id"] == coordinates(first["too_large"])
    for line in done:
        assert line["replay"]["partition"] == line["source"]["partition"]


def test_a_replay_that_fails_again_is_counted_and_capped(bench, sandbox, worker, results):
    sandbox()
    process = worker().wait_ready()
    bench.produce([harness.command("bad", "AB12", phone="12")])
    for count in range(3):
        results.wait(count + 1, 60, [process])
        newest = max(lines(dead_letters(bench, "list")), key=lambda letter: letter["replay_count"])
        assert newest["replay_count"] == count
        ran = dead_letters(bench, "replay", "--execute", "--max-replays", "2", environment=SIGNED)
        assert UNSIGNED not in ran.stderr
        done = lines(ran)
        assert [line["action"] for line in done].count("replayed") == (1 if count < 2 else 0)
    assert "as often as --max-replays allows" in done[-1]["why"]
    assert {event["command_id"] for event in results.events} == {coordinates(results.events[0])}
    assert "says that it repeats " in dead_letters(bench, "show", coordinates(newest)).stdout


def test_a_forged_or_unsigned_count_is_0(bench, sandbox, worker, results):
    """Marks that a producer wrote, its own or copied from a real replay to another command; and a replay without the secret."""
    sandbox()
    process = worker().wait_ready()
    key, value = harness.command("bad", "AB12", phone="12")
    bench.produce([(key, value)])
    results.wait(1, 60, [process])
    first = coordinates(results.events[0])
    done = lines(dead_letters(bench, "replay", "--execute", environment=SIGNED))
    assert [line["action"] for line in done] == ["replayed"]
    results.wait(2, 60, [process])
    replay = next(record for record in bench.records(bench.commands) if "dlq_replay_proof" in dict(record.headers))
    marks = {name: text for name, text in replay.headers if name.startswith("dlq_")}
    assert marks["dlq_replay_of"] == first.encode() and marks["dlq_replay_count"] == b"1"

    producer = Producer({"bootstrap.servers": bench.brokers, "partitioner": "murmur2_random"})
    forged = {"dlq_replay_of": first.encode(), "dlq_replay_count": b"99"}
    other = harness.command("bad", "AB12", phone="13")[1]
    for text, headers in [(value, forged), (value, {**marks, **forged}), (other, marks)]:
        producer.produce(bench.commands, text, key, headers=headers)
    assert producer.flush(30) == 0
    results.wait(5, 60, [process])
    counts = {coordinates(letter): letter["replay_count"] for letter in lines(dead_letters(bench, "list"))}
    assert len(counts) == 5 and counts.pop("{}/{}/{}".format(bench.commands, replay.partition, replay.offset)) == 1
    assert set(counts.values()) == {0}

    unsigned = dead_letters(bench, "replay", "--execute")
    assert unsigned.stderr.count(UNSIGNED) == 1
    written = [line["action"] for line in lines(unsigned)].count("replayed")
    assert written > 0
    results.wait(5 + written, 60, [process])
    counts = [letter["replay_count"] for letter in lines(dead_letters(bench, "list"))]
    assert sorted(counts) == [0] * (4 + written) + [1]


def forge(bench, producer, offset, value=None, partition=1, topic=None):
    """What looks like a letter, as anybody may write it who may write to the topic."""
    headers = {
        "kafka_dlt-original-topic": (topic or bench.commands).encode(),
        "kafka_dlt-original-partition": partition.to_bytes(4, "big", signed=True),
        "kafka_dlt-original-offset": offset.to_bytes(8, "big", signed=True),
        "kafka_dlt-original-timestamp": (0).to_bytes(8, "big"),
        "kafka_dlt-original-consumer-group": b"g",
        "kafka_dlt-exception-message": b"too_large",
        "dlq_replay_count": b"0",
    }
    producer.produce(bench.dead_letters, value=value, key=b"k", headers=headers)


def test_forged_letters_stop_no_replay(bench, sandbox, worker, results):
    """Of places that there are not, or of another topic: each costs itself alone."""
    sandbox()
    process = worker(settings={"commands.max_bytes": 256}).wait_ready()
    bench.produce([harness.command("big-AB12", "AB12", padding="x" * 300)])
    results.wait(1, 60, [process])
    producer = Producer({"bootstrap.servers": bench.brokers})
    for partition in (-1, -(2**31), bench.partitions, 2**31 - 1):
        forge(bench, producer, 0, partition=partition)
    for offset in (-1, -(2**63), 2**63 - 1, 12_345):
        forge(bench, producer, offset)
    forge(bench, producer, 0, topic="__consumer_offsets")
    forge(bench, producer, 0, topic=f"{bench.prefix}.\u202e\x1b[2J")
    assert producer.flush(30) == 0
    done = lines(dead_letters(bench, "replay", "--execute", status=1))
    actions = {coordinates(line): line["action"] for line in done}
    assert list(actions.values()).count("replayed") == 1 and len(actions) == 11
    assert [line["why"] for line in done if "lost" in line.get("why", "")] != []
    results.wait(2, 60, [process])
    # Nobody's letters are not held against the contract.
    bench.dead_letters = f"{bench.prefix}.none"


def test_producers_own_marks_count_for_nothing(bench, sandbox, worker, results):
    """Headers that only a replay writes, on commands that are none: neither capped, nor another's replay."""
    sandbox()
    process = worker(settings={"commands.max_bytes": 256}).wait_ready()
    key, value = harness.command("big-AB12", "AB12", padding="x" * 300)
    bench.produce([(key, value)])
    results.wait(1, 60, [process])
    first = coordinates(results.events[0])
    producer = Producer({"bootstrap.servers": bench.brokers, "partitioner": "murmur2_random"})
    marks = {"dlq_replay_of": first.encode(), "dlq_replay_count": b"99"}
    # The same key, so the same partition; another value.
    producer.produce(bench.commands, harness.command("big-AB12", "AB12", padding="y" * 300)[1], key, headers=marks)
    assert producer.flush(30) == 0
    results.wait(2, 60, [process])
    done = lines(dead_letters(bench, "replay", "--execute"))
    assert [line["action"] for line in done] == ["replayed", "replayed"], done
    # And the replays themselves are known.
    again = lines(dead_letters(bench, "replay"))
    assert [line["action"] for line in again if coordinates(line) in {coordinates(one) for one in done}] == ["skipped", "skipped"]


def test_a_value_that_is_no_longer_kept_is_reported(bench):
    producer = Producer({"bootstrap.servers": bench.brokers})

    forge(bench, producer, 7_000, None)
    forge(bench, producer, 8_000, harness.command("k", "AB12")[1])
    assert producer.flush(30) == 0
    done = dead_letters(bench, "replay", "--execute", status=1)
    assert "1 replayed, 1 lost" in done.stderr
    outcome = {line["source"]["offset"]: line["action"] for line in lines(done)}
    assert outcome == {7_000: "lost", 8_000: "replayed"}
    # The second letter had a copy of the value.
    assert [(number, key) for number, _, key, _ in bench.consume(bench.commands)] == [(1, b"k")]


def test_a_letter_copies_the_value_where_it_shall(bench, sandbox, worker, results):
    sandbox()
    settings = {"dead_letters.include_value": "true", "commands.max_bytes": 256}
    process = worker(settings=settings).wait_ready()
    small, large = ("k", "{not json"), ("k", "{" + "x" * 300)
    bench.produce([small, large])
    results.wait(2, 60, [process])
    copied = {contract.check_dead_letter(record)["kafka_dlt-exception-message"]: record.value for record in bench.records(bench.dead_letters)}
    assert copied == {"malformed": small[1].encode(), "too_large": None}
