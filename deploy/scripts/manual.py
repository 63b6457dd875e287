"""Writes the manual page otp-worker(1) to standard output, from what `otp-worker --experimental-dump-help` says of itself.

Usage: manual.py BINARY VERSION
"""

import json
import subprocess
import sys


def roff(text):
    """Text as roff takes it literally: its escape, its hyphen, and a line that begins like a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def prose(text):
    """Paragraphs; indented lines are examples, to be left as they are."""
    lines = []
    in_example = False
    for line in text.split("\n"):
        is_example = line.startswith("  ")
        if is_example != in_example:
            lines += [".RS 4", ".nf"] if is_example else [".fi", ".RE"]
        in_example = is_example
        lines.append(roff(line.strip()) if line.strip() else ".PP")
    return lines + ([".fi", ".RE"] if in_example else [])


def spelling(name):
    return ("--" if name["kind"] == "long" else "-") + name["name"]


def options(command):
    lines = []
    for argument in command["arguments"]:
        if not argument["shouldDisplay"] or argument["valueName"] in ("help", "version"):
            continue
        value = f" \\fI{roff(argument['valueName'])}\\fR" if argument["kind"] != "flag" else ""
        names = ", ".join(f"\\fB{roff(spelling(name))}\\fR" for name in argument.get("names", []))
        lines += [".TP", (names + value).strip(), roff(argument.get("abstract", ""))]
    return lines


def commands(command, path):
    """Each command that does something, under the words by which it is called."""
    for sub in command.get("subcommands", []):
        if sub["commandName"] == "help":
            continue
        words = [*path, sub["commandName"]]
        nested = [name for name in sub.get("subcommands", []) if name["commandName"] != "help"]
        if not nested:
            yield f'.SS "{roff(" ".join(words))}"'
            yield from prose(sub["abstract"])
            if sub.get("discussion"):
                yield ".PP"
                yield from prose(sub["discussion"])
            yield from options(sub)
        yield from commands({"subcommands": nested}, words)


def page(root, version):
    name = root["commandName"]
    return [
        f'.TH {name.upper()} 1 "" "{name} {version}" "User Commands"',
        ".SH NAME",
        roff(f"{name} - {root['abstract'][0].lower()}{root['abstract'][1:].rstrip('.')}"),
        ".SH SYNOPSIS",
        f"\\fB{roff(name)}\\fR \\fIcommand\\fR [\\fIoption\\fR ...]",
        ".SH DESCRIPTION",
        *prose(root["discussion"]),
        ".SH COMMANDS",
        roff("Each takes --help and --version too."),
        *commands(root, []),
    ]


def main():
    binary, version = sys.argv[1:]
    help_text = subprocess.run([binary, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout
    print("\n".join(page(json.loads(help_text)["command"], version)))


main()
