"""What a newcomer types first."""

import harness


def test_demo_with_the_embedded_broker(bench):
    done = bench.run("demo", seconds=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_demo_on_a_cluster(bench):
    done = bench.run("demo", "--brokers", bench.brokers, seconds=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_version_names_librdkafka(bench):
    done = bench.run("version")
    assert done.returncode == 0 and "librdkafka" in done.stdout


def test_help_lists_every_command(bench):
    done = bench.run("--help")
    for command in ("run", "demo", "sandbox", "broker", "send", "watch", "topics", "version"):
        assert command in done.stdout, done.stdout


def test_send_waits_for_its_result(bench, sandbox, worker):
    sandbox()
    worker().wait_ready()
    settings = [word for pair in bench.topic_settings().items() for word in ("--set", "=".join(pair))]
    done = bench.run(
        "send", "--session", "one-9z9z", "--phone", harness.PHONE, "--code", "9Z9Z", "--wait", "--json", *settings
    )
    assert done.returncode == 0, done.stdout + done.stderr
    event = harness.json.loads(done.stdout.splitlines()[-1])
    assert (event["status"], event["reason"], event["user_gsm"]) == ("verified", "ok", "532*****42")
