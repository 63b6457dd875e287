"""The published contract (deploy/contract) as a judge: what was really on the topics is held against its schemas."""

import functools
import json
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "contract"


@functools.cache
def schemas():
    """Each schema by the first part of its file's name."""
    return {
        path.name.removesuffix(".schema.json"): json.loads(path.read_text())
        for path in sorted(FOLDER.glob("*.schema.json"))
    }


@functools.cache
def validator(name):
    resources = [(schema["$id"], Resource.from_contents(schema)) for schema in schemas().values()]
    return Draft202012Validator(
        schemas()[name], registry=Registry().with_resources(resources), format_checker=FormatChecker()
    )


def problems(name, instance):
    """What is wrong with it, in words; empty when it fits."""
    # The deepest errors say what is meant; a failed alternative alone does not.
    def words(error):
        inner = [text for part in error.context or [] for text in words(part)]
        return inner or [f"{'/'.join(map(str, error.absolute_path)) or 'it'}: {error.message}"]

    return [text for error in validator(name).iter_errors(instance) for text in words(error)]


def headers_as_json(name, headers):
    """Kafka headers as the schema speaks of them; those of any bytes are left as they are told to be: opaque."""
    known = schemas()[name]["properties"]
    told = {}
    for header, value in headers or []:
        rule = known.get(header, {})
        if "x-bytes" in rule and value is not None:
            assert len(value) == rule["x-bytes"], f"{header} has {len(value)} bytes"
            told[header] = int.from_bytes(value, "big", signed=True)
        else:
            is_text = rule.keys() & {"type", "const", "enum", "pattern", "$ref"}
            told[header] = value.decode() if is_text and value is not None else repr(value)
    return told


def command_problems(record):
    """Of a record of the command topic: its value, whichever of the two forms it has."""
    content = record.value or b""
    # What a schema registry's serializer and some editors put before the JSON is no part of it.
    content = content[5:] if content[:1] == b"\0" else content
    try:
        value = json.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        return [f"not JSON: {error}"]
    kind = {name.lower(): text for name, text in record.headers}.get("content-type") or b""
    has_form = isinstance(value, dict) and "specversion" in value and bool({"data", "data_base64"} & value.keys())
    is_structured = kind.startswith(b"application/cloudevents+json") or has_form
    return problems("command.cloudevent" if is_structured else "command", value)


def check_result(record):
    event = json.loads(record.value)
    found = problems("result", event)
    headers = headers_as_json("result.headers", record.headers)
    found += problems("result.headers", headers)
    session = event.get("otp_session_id")
    if (record.key.decode() if record.key is not None else None) != session:
        found.append("the key is not the session")
    if headers.get("ce_subject") != session:
        found.append("ce_subject is not the session")
    source = event["source"]
    if headers.get("ce_id") != f"{source['topic']}/{source['partition']}/{source['offset']}/result":
        found.append("ce_id is not made of the command's coordinates")
    assert not found, f"a result breaks the contract: {found}\n{event}\n{headers}"
    return event


def check_dead_letter(record):
    headers = headers_as_json("dead-letter.headers", record.headers)
    found = problems("dead-letter.headers", headers)
    assert not found, f"a dead letter breaks the contract: {found}\n{headers}"
    return headers


def check_agreement(record, event):
    """What the worker took for a command is one by the schema; where it named a field, the schema refuses it too."""
    found = command_problems(record)
    if event["status"] != "invalid":
        assert not found, f"taken, but not by the schema: {found}\n{event}"
    elif event["reason"].startswith("field_") and "bytes and no control" not in event["message"]:
        # Bytes cannot be counted by a schema.
        assert found, f"refused, but not by the schema: {event}"


def check(bench):
    """Everything on the topics of a bench."""
    events = [check_result(record) for topic in [bench.results, *bench.reply_topics] for record in bench.records(topic)]
    for record in bench.records(bench.dead_letters):
        check_dead_letter(record)
    if bench.has_mapped_fields or not events:
        return
    commands = {(record.partition, record.offset): record for record in bench.records(bench.commands)}
    for event in events:
        record = commands.get((event["source"]["partition"], event["source"]["offset"]))
        if record is not None and event["source"]["topic"] == bench.commands:
            check_agreement(record, event)
