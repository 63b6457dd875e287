"""A worker that cannot start says which setting is at fault and what to do, without a stack trace."""

import pytest

import harness


def run(bench, settings, environment=None):
    arguments = ["run", "--set", "admin.port=0"]
    for key, value in {**bench.settings("worker-x", "http://127.0.0.1:9"), **settings}.items():
        arguments += ["--set", f"{key}={value}"]
    return bench.run(
        *arguments, environment={"OTP_CHECK_OTP_SECRET_KEY": harness.KEY} if environment is None else environment
    )


def says(done, status, *words):
    text = done.stdout + done.stderr
    assert done.returncode == status, text
    for word in words:
        assert word in text, f"{word!r} is not in:\n{text}"
    assert "Fatal error" not in text and "Stack dump" not in text and harness.KEY not in text


def test_unreachable_broker(bench):
    says(run(bench, {"kafka.brokers": "127.0.0.1:1"}), 1, "kafka.brokers", "127.0.0.1:1")


def test_missing_topic(bench):
    says(run(bench, {"topics.commands": "no-such-topic"}), 1, "topics.commands", "no-such-topic", "otp-worker topics")


def test_partition_counts_that_differ(bench):
    name = f"{bench.prefix}.narrow"
    bench.run("topics", "--partitions", "2", "--set", f"kafka.brokers={bench.brokers}", *narrow(bench, name))
    says(run(bench, {"topics.ledger": f"{name}.l"}), 2, "topics.ledger", "8", "2")


def narrow(bench, name):
    topics = {"commands": "c", "results": "r", "ledger": "l", "dead_letters": "d"}
    return [word for key, letter in topics.items() for word in ("--set", f"topics.{key}={name}.{letter}")]


@pytest.mark.parametrize(
    ("settings", "environment", "words"),
    [
        ({}, {}, ["check_otp.secret_key", "OTP_CHECK_OTP_SECRET_KEY"]),
        ({"check_otp.secret_key_file": "/no/such/file"}, {}, ["check_otp.secret_key_file", "/no/such/file"]),
        ({"chek_otp.url": "https://x"}, None, ["chek_otp.url", "check_otp.url"]),
        ({"check_otp.url": "ftp://x"}, None, ["check_otp.url"]),
        ({"delivery.commit_interval": "soon"}, None, ["delivery.commit_interval"]),
        ({"kafka.properties.acks": "1"}, None, ["acks"]),
        ({"check_otp.ca_file": "/no/such.pem", "check_otp.url": "https://127.0.0.1:9"}, None, ["check_otp.ca_file"]),
    ],
)
def test_settings(bench, settings, environment, words):
    says(run(bench, settings, environment), 2, *words)
