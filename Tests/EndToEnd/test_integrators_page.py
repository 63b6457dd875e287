"""The integrator's page does what it says: its shell and Python run as they stand there, against what they themselves start."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import contract
import harness

PAGE = (contract.FOLDER / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def blocks(language):
    return [(name, text) for kind, name, text in BLOCKS if kind == language]


def test_the_pages_commands(tmp_path):
    for name, text in blocks("python"):
        (tmp_path / name).write_text(text)
    # A block's end is marked, so that what it said can be told from the next one's.
    script = "set -eo pipefail\n" + "".join(f"{text}\necho '\x1e'\n" for _, text in blocks("sh"))
    # Files, not pipes: what the page leaves running would keep those open.
    with (tmp_path / "output.txt").open("wb") as output, (tmp_path / "errors.txt").open("wb") as errors:
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env={**os.environ, "PATH": os.pathsep.join([str(program_folder(tmp_path)), os.environ["PATH"]])},
            start_new_session=True,
        )
        try:
            status = shell.wait(120)
        finally:
            os.killpg(shell.pid, signal.SIGKILL)
    output = (tmp_path / "output.txt").read_text()
    assert status == 0, output + (tmp_path / "errors.txt").read_text()[-3000:]
    start, first, shells, everything, python, letters, _ = output.split("\x1e\n")
    assert start == ""
    assert outcomes(first) == [("order-AB12", "verified")]
    assert outcomes(shells) == [("order-CD34", "rejected"), ("order-CD34", "verified")]
    assert sorted(outcomes(everything)) == sorted(outcomes(first) + outcomes(shells))
    assert python.splitlines()[0].split() == ["verified", "ok"]
    told = [line.split(" ", 1)[1] for line in python.splitlines()[1:]]
    assert sorted(told) == ["rejected -> let the user type again"] + ["verified -> store the card"] * 3
    invalid, letter = [json.loads(line) for line in letters.splitlines()]
    assert invalid["status"] == "invalid" and letter["reason"] == invalid["reason"] == "field_user_gsm"
    assert letter["source"] == invalid["source"]


def program_folder(tmp_path):
    """A folder in which `otp-worker` is the program under test, and `python3` the one that has the tests' packages."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "otp-worker").symlink_to(Path(harness.BINARY).resolve())
    (folder / "python3").write_text(f'#!/bin/sh\nexec "{os.sys.executable}" "$@"\n')
    (folder / "python3").chmod(0o755)
    return folder


def outcomes(text):
    events = [json.loads(line) for line in text.splitlines()]
    for event in events:
        assert contract.problems("result", event) == []
    return [(event["otp_session_id"], event["status"]) for event in events]


def test_the_pages_examples_fit():
    examples = [json.loads(text) for _, text in blocks("json")]
    assert examples
    for example in examples:
        assert contract.problems("result" if "status" in example else "command", example) == []


def test_the_page_tells_every_field_status_and_reason():
    result, command = contract.schemas()["result"], contract.schemas()["command"]
    words = [*command["properties"], *result["properties"]["status"]["enum"]]
    words += [reason for branch in result["oneOf"] for reason in branch["properties"]["reason"]["enum"]]
    # Those of `invalid` name the field, and are for the producer's engineer.
    missing = [word for word in words if f"`{word}" not in PAGE and not word.startswith("field_")]
    assert set(missing) <= {"ok", "already_verified", "deadline_passed", "malformed", "too_large"}


def test_every_file_of_the_contract_is_on_the_page():
    for path in contract.FOLDER.glob("*.schema.json"):
        assert f"({path.name})" in PAGE
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (contract.FOLDER / target).exists(), target
