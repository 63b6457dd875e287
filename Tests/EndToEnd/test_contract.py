"""The published contract: its files hold together, and the worker and its schemas call the same commands usable."""

import copy
import json

import pytest
import yaml
from jsonschema import Draft202012Validator

import contract
import harness

GOLDEN = contract.FOLDER.parents[1] / "Tests" / "ContractTests" / "Golden"
ASYNCAPI = contract.FOLDER / "asyncapi.yaml"


@pytest.mark.parametrize("name", sorted(contract.schemas()))
def test_a_schema_is_one_and_its_examples_fit(name):
    schema = contract.schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert schema["description"] and schema["examples"]
    for example in schema["examples"]:
        assert contract.problems(name, example) == []
    for field, rule in schema["properties"].items():
        for example in rule.get("examples", []):
            whole = {**copy.deepcopy(schema["examples"][0]), field: example}
            assert contract.problems(name, whole) == [], f"{field}: {example}"


@pytest.mark.parametrize("path", sorted((contract.FOLDER / "examples").iterdir()), ids=lambda path: path.name)
def test_an_example_file_fits(path):
    name = path.name.removesuffix(".json")
    schema = name if name in contract.schemas() else name.split(".")[0]
    assert contract.problems(schema, json.loads(path.read_text())) == []


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.name)
def test_a_golden_file_fits(path):
    assert contract.problems(path.name.split("-")[0], json.loads(path.read_text())) == []


def test_the_golden_dead_letter_fits():
    lines = (line.split(" ") for line in (GOLDEN / "dead-letter-v1-headers.txt").read_text().splitlines())
    headers = contract.headers_as_json("dead-letter.headers", [(name, bytes.fromhex(value)) for name, value in lines])
    assert headers["kafka_dlt-original-partition"] == 258 and headers["kafka_dlt-original-timestamp"] == -1
    assert contract.problems("dead-letter.headers", headers) == []


@pytest.mark.parametrize(
    "change",
    [
        {"status": "approved"},
        {"status": "rejected"},
        {"reason": "wrong_code"},
        {"reason": "fine"},
        {"in_doubt": True},
        {"retryable": "no"},
        {"user_gsm": harness.PHONE},
        {"completed_at": "now"},
        {"completed_at": "2026-13-40T10:00:00Z"},
        {"source": {"topic": "t", "partition": 0}},
        {"calls": 1.5},
        {"code": "0"},
        {"message": "x" * 513},
        {"command_id": ""},
    ],
    ids=str,
)
def test_a_broken_result_does_not_fit(change):
    assert contract.problems("result", {**contract.schemas()["result"]["examples"][0], **change})


def test_an_event_has_its_data_once():
    event = contract.schemas()["command.cloudevent"]["examples"][0]
    data = event.pop("data")
    assert contract.problems("command.cloudevent", {**event, "data_base64": "e30="}) == []
    for wrong in ({}, {"data": data, "data_base64": "e30="}, {"data": [data]}, {"data": {**data, "otp_code": 1}}):
        assert contract.problems("command.cloudevent", {**event, **wrong})


def test_asyncapi_holds_together():
    document = yaml.safe_load(ASYNCAPI.read_text())
    assert document["asyncapi"] == "3.0.0"
    for _, reference in references(document):
        resolve(document, reference)
    used = {message["$ref"] for channel in document["channels"].values() for message in channel["messages"].values()}
    assert used == {f"#/components/messages/{name}" for name in document["components"]["messages"]}
    for operation in document["operations"].values():
        for message in operation["messages"]:
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")


def test_the_examples_of_asyncapi_fit():
    document = yaml.safe_load(ASYNCAPI.read_text())
    seen = 0
    for message in document["components"]["messages"].values():
        for example in message.get("examples", []):
            for part in ("headers", "payload"):
                if part in example:
                    name = message[part]["$ref"].removeprefix("./").removesuffix(".schema.json")
                    assert contract.problems(name, example[part]) == [], message["name"]
                    seen += 1
    assert seen >= 4


def test_asyncapi_names_the_topics_and_the_group_that_the_worker_has(bench):
    document = yaml.safe_load(ASYNCAPI.read_text())
    text = bench.run("config", "example").stdout
    addresses = {channel["address"] for channel in document["channels"].values()} - {None}
    assert all(address in text for address in addresses)
    group = document["operations"]["receiveCommand"]["bindings"]["kafka"]["groupId"]["const"]
    assert f"group_id: {group}" in text


def references(node, path=()):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield path, value
            yield from references(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from references(value, (*path, index))


def resolve(document, reference):
    if not reference.startswith("#/"):
        return json.loads((contract.FOLDER / reference).read_text())
    for key in reference.removeprefix("#/").split("/"):
        document = document[key]
    return document


SPACES = "\t\n\u000b\u000c\r \u0085\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"
INVISIBLE = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufe0f\ufeff\ufffb"
PHONES = [
    "5324818942", "05324818942", "905324818942", "00905324818942", "+905324818942", "+90 (532) 481-89.42", " + 9 0 5324818942 ",
    SPACES + "532481" + SPACES + "8942" + SPACES, INVISIBLE + "+90" + INVISIBLE + "5324818942" + INVISIBLE,
    "+90 (0) 532 481 89 42", "+9005324818942", "009005324818942", "9005324818942", "0532/481 89\u201142", "0532\u2212481\u20138942",
    "4324818942", "532481894", "53248189420", "+5324818942", "+05324818942", "90005324818942", "+009005324818942", "1905324818942", "5324818942x",
    "90+5324818942", "++905324818942", "5324818942+", "٥324818942", "532_481_8942", "", "+", INVISIBLE,
]  # fmt: skip
CODES = [
    "ART2", "0000", "a", "A" * 16, " aRt2 ", SPACES + "AB12" + SPACES, INVISIBLE + "AB12" + INVISIBLE, "AB 12", "AB-12", "ÇB12",
    "AB\u200b12", "١٢٣٤", "٣" * 16, "😀" * 16, "\u0000", "a" + "\n" * 14 + "b",
    "", " ", "A" * 17, "٣" * 17, "a" + " " * 15 + "b", "😀" * 17, INVISIBLE + SPACES,
]  # fmt: skip
IDS = [
    "x", "ş" * 128, "x" * 256, "a b/c?", "\u00a0", "😀",
    "", "x" * 257, "a\u0000", "a\nb", "\u007f", "a\u0085b", "x\n",
    " a", "a ", "a\u00a0b", "a\u200b", "\ufeffa", "a\ufffe", "a\U000e0041", "\u115f", "a\u2028", "ａ", "a\ufffd",
]  # fmt: skip
TIMES = [
    "2099-01-01T00:00:00Z", "2099-07-17T15:30:15.0581408+03:00", "2099-12-31T23:59:60.123456789-23:59",
    "2099-01-01T00:00Z", "2099-01-01t00:00:00z", "2099-01-01T00:00:00+0300", "2099-01-01T00:00+03", "2099-01-01T00:00:00.5-0930",
    "2099-01-01T00:00:00", "2099-01-01T00:00", "2099-01-01T00:00.5Z", "2099-01-01 00:00:00Z", "2099-1-01T00:00:00Z", "2099-13-01T00:00:00Z", "2099-01-00T00:00:00Z",
    "2099-01-01T24:00:00Z", "2099-01-01T00:60:00Z", "2099-01-01T00:00:61Z", "2099-01-01T00:00:00.1234567890Z",
    "2099-01-01T00:00:00+24:00", "2099-01-01T00:00:00+3", "2099-01-01T00:00:00+03:", "2099-01-01T00:00:00+0360", "soon", "",
]  # fmt: skip
OTHERS = [None, 7, True, [], {}]


def test_worker_and_schema_agree(bench, sandbox, worker, results):
    """Taken or refused, and for which field: `contract.check` compares the two when the test is over."""
    sandbox()
    values = [{"user_gsm": phone} for phone in [*PHONES, *OTHERS]]
    values += [{"otp_code": code} for code in [*CODES, *OTHERS]]
    values += [{"otp_session_id": session} for session in [*IDS, *OTHERS]]
    values += [{"command_id": name} for name in [*IDS, *OTHERS]]
    values += [{"expires_at": time} for time in [*TIMES, *OTHERS]]
    values += [{"more": {"of": ["anything"]}}]
    process = worker().wait_ready()
    records = []
    for number, value in enumerate(values):
        session = f"agree-{number:03d}"
        whole = {"user_gsm": harness.PHONE, "otp_session_id": session, "otp_code": harness.right_code(session), **value}
        records.append((session, json.dumps(whole)))
    for field in ("user_gsm", "otp_session_id", "otp_code"):
        whole = json.loads(harness.command("agree", "AB12")[1])
        del whole[field]
        records.append((f"without-{field}", json.dumps(whole)))
    bench.produce(records)
    events = results.wait(len(records), 60, [process])
    statuses = {event["status"] for event in events}
    assert {"verified", "invalid"} <= statuses
    refused = {event["reason"] for event in events if event["status"] == "invalid"}
    assert refused == {f"field_{name}" for name in contract.schemas()["command"]["properties"]}
