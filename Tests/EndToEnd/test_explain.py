"""`explain` tells one session's story, whole or from when to when, and shows neither code nor phone."""

import datetime
import json

import harness

SESSION = "story-ab12"


def explain(bench, *arguments):
    """What happened, by kind: what is of one moment has no order."""
    words = [word for pair in bench.topic_settings().items() for word in ("--set", "=".join(pair))]
    done = bench.run("explain", SESSION, "--json", *arguments, *words)
    assert done.returncode == 0, done.stderr
    assert harness.PHONE not in done.stdout and "WRNG" not in done.stdout
    return sorted(event["what"] for event in json.loads(done.stdout)["events"])


def test_from_when_to_when(bench, sandbox, worker, results):
    sandbox()
    process = worker().wait_ready()
    bench.produce([harness.command(SESSION, "WRNG")])
    results.wait(1, 60, [process])
    one = explain(bench)
    assert one == ["command", "intent", "result", "state"]
    between = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    bench.produce([harness.command(SESSION, harness.right_code(SESSION))])
    results.wait(2, 60, [process])
    assert explain(bench) == sorted(one * 2)
    assert explain(bench, "--until", between) == one
    assert explain(bench, "--since", between) == one
    assert explain(bench, "--since", "1h", "--until", between) == one
    assert process.end() == 0
