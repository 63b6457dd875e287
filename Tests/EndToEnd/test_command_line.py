"""What people type and where they send its output: nothing is lost in silence, and what is wrong is named."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import pytest

import harness
from test_watch import Terminal

STEERING = "\x9b2J\u202e\u200b\u2066\x7f"


def settings_of(bench, **more):
    settings = {**bench.topic_settings(), **{key.replace("__", "."): value for key, value in more.items()}}
    return [word for pair in settings.items() for word in ("--set", "=".join(pair))]


def send_results(bench, worker, results, count):
    process = worker().wait_ready()
    sessions = [f"o-{number:05d}" for number in range(count)]
    bench.produce([harness.command(session, harness.right_code(session)) for session in sessions])
    results.wait(count, 120, [process])


def test_a_non_blocking_pipe_loses_nothing(bench, sandbox, worker, results):
    sandbox()
    send_results(bench, worker, results, 2_000)
    reading, writing = os.pipe2(os.O_NONBLOCK)
    os.set_blocking(reading, True)
    words = [harness.BINARY, "watch", "--json", "--from-beginning", "--limit", "2000", *settings_of(bench)]
    watch = subprocess.Popen(words, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    # Nothing is read before the pipe is full, so that the writer meets EAGAIN.
    harness.until("the pipe is full", lambda: is_full(reading) or watch.poll() is not None, 60)
    with os.fdopen(reading) as pipe:
        lines = pipe.read().splitlines()
    assert watch.wait(30) == 0, watch.stderr.read()
    assert len(lines) == 2_000 and all(json.loads(line) for line in lines)


def is_full(descriptor):
    import fcntl
    import struct
    import termios

    held = struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4))[0]
    return held > 40_000


def test_output_that_cannot_be_written_is_an_error(bench):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([harness.BINARY, "config", "example"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 1 and "No space left on device" in done.stderr
    # A reader that has gone; with the signal ignored, as some parents leave it, and with it not ignored.
    for restore in (True, False):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [harness.BINARY, "config", "example"], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=30,
            restore_signals=restore,
        )  # fmt: skip
        os.close(writing)
        assert done.returncode == 1 and "Broken pipe" in done.stderr


def test_closed_descriptors_are_nobodys_connection(bench):
    """Else the first socket takes their number, and what is printed goes to the broker."""
    words = " ".join([harness.BINARY, "topics", "--verify", *settings_of(bench)])
    for closed in ("<&- >&- 2>&-", ">&-", "2>&-", "<&-"):
        done = subprocess.run(["bash", "-c", f"{words} {closed}"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (closed, done.stdout + done.stderr)


def test_a_dumb_terminal_gets_lines(bench, sandbox, worker, results):
    sandbox()
    terminal = Terminal(bench, columns=40, environment={"TERM": "dumb"})
    try:
        send_results(bench, worker, results, 3)
        harness.until("its lines", lambda: terminal.text.count("verified") == 3, 30)
        assert "\x1b" not in terminal.text
        assert all(len(line) <= 40 for line in terminal.text.splitlines()), terminal.text
    finally:
        terminal.popen.kill()
        terminal.popen.wait(10)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_page_fits_its_terminal(bench, sandbox, worker, results, columns):
    sandbox()
    send_results(bench, worker, results, 5)
    terminal = Terminal(bench, columns=columns, rows=40)
    try:
        terminal.wait("verified", "in all", "0 in 8 partitions")
        page = terminal.page()
        assert all(len(line) <= columns for line in page)
        # What is not there was left out as a whole: nothing was cut but names.
        assert not any(line.endswith("…") for line in page), page
    finally:
        terminal.end()


def test_a_second_signal_within_half_a_second_is_the_same(bench, sandbox, worker):
    sandbox("--latency", "2s")
    process = worker().wait_ready()
    bench.produce([harness.command("slow-ab12", "AB12")])
    harness.until("it is asked", lambda: process.metric("calls_in_flight") == 1)
    for _ in range(3):
        process.popen.send_signal(signal.SIGINT)
    assert process.popen.wait(30) == 0, process.text()
    assert [event["status"] for event in bench.events()] == ["verified"]
    assert "Stopping at once" not in process.text()


def test_standard_input_is_refused_as_a_file_is(bench, tmp_path):
    line = b'{"user_gsm":"5324818942","otp_session_id":"s-\xfe\xff","otp_code":"ART2"}\n'
    file = tmp_path / "commands.jsonl"
    file.write_bytes(line)
    said = []
    for name in (str(file), "-"):
        done = subprocess.run(
            [harness.BINARY, "send", "--file", name, *settings_of(bench)], input=line, capture_output=True, timeout=60
        )
        assert done.returncode == 2, done
        said.append(done.stderr.decode().replace(str(file), "-"))
    assert said[0] == said[1] and "line 1: not usable JSON: a string that is not valid UTF-8" in said[0]
    assert bench.consume(bench.commands) == []


class Listener:
    """Takes connections and answers each in its way, until it is closed."""

    def __init__(self, answer, context=None):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.answer = answer
        self.context = context
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        try:
            with connection:
                if self.context:
                    connection = self.context.wrap_socket(connection, server_side=True)
                if connection.recv(1024):
                    connection.sendall(self.answer)
        except OSError:
            pass

    def close(self):
        self.socket.close()


COMMANDS = [
    ["topics", "--verify"],
    ["watch", "--json"],
    ["send", "--session", "s", "--phone", harness.PHONE, "--code", "AB12"],
    ["ledger"],
    ["dead-letters", "list"],
    ["dead-letters", "show", "t/0/0"],
    ["dead-letters", "replay"],
    ["explain", "s"],
    ["audit"],
    ["doctor", "--read-only"],
    ["run", "--set", "admin.port=0"],
    ["demo"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=[" ".join(words[:2]) for words in COMMANDS])
def test_an_address_that_is_no_brokers_is_named(bench, words):
    web = Listener(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    try:
        place = ["--brokers", web.address] if words[0] == "demo" else ["--set", f"kafka.brokers={web.address}"]
        done = bench.run(*words, *place, environment={"OTP_CHECK_OTP_SECRET_KEY": harness.KEY})
    finally:
        web.close()
    said = done.stdout + done.stderr
    assert done.returncode == 1 and f"{web.address} is no Kafka broker: it speaks HTTP" in said, said


def test_a_port_that_wants_tls_is_named(bench, tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem",
         "-days", "1", "-subj", "/CN=localhost"], check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    secure = Listener(b"", context)
    try:
        done = bench.run("topics", "--verify", "--brokers", secure.address)
        assert done.returncode == 1 and f"{secure.address} speaks TLS" in done.stderr, done.stderr
        assert "security.protocol" in done.stderr
    finally:
        secure.close()
    done = bench.run("topics", "--verify", "--brokers", bench.brokers, "--set", "kafka.properties.security.protocol=ssl")
    assert done.returncode == 1 and "is a Kafka broker's port without TLS" in done.stderr, done.stderr
    done = bench.run("topics", "--verify", "--brokers", "::1:9092")
    assert done.returncode == 2 and "[::1]:9092" in done.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kafka.properties.linger.ms": "often"}, ["kafka.properties.linger.ms", "a value it does not take"]),
        ({"kafka.properties.lingr.ms": "5"}, ["kafka.properties.lingr.ms", "is not known to librdkafka"]),
        (
            {"kafka.properties.security.protocol": "ssl", "kafka.properties.ssl.ca.location": "/no/such.pem"},
            ["kafka.properties", "ssl.ca.location"],
        ),
        ({"worker.name": 'a"b'}, ["worker.name"]),
        ({"admin.host": "203.0.113.7"}, ["admin.host", "no address of this machine"]),
        ({"admin.host": "nowhere.invalid"}, ["admin.host", "has no address"]),
        ({"check_otp.ca_file": "/etc/hostname", "check_otp.url": "https://h"}, ["check_otp.ca_file"]),
    ],
)
def test_config_check_finds_what_run_would(bench, settings, words):
    environment = {"OTP_CHECK_OTP_SECRET_KEY": harness.KEY}
    arguments = [word for pair in {"kafka.brokers": bench.brokers, **settings}.items() for word in ("--set", "=".join(pair))]
    done = bench.run("config", "check", *arguments, environment=environment)
    assert done.returncode == 2, done.stdout + done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def test_a_path_in_the_url_is_a_warning(bench, worker, sandbox):
    url = sandbox().url
    environment = {"OTP_CHECK_OTP_SECRET_KEY": harness.KEY}
    done = bench.run(
        "config", "check", "--brokers", bench.brokers, "--set", f"check_otp.url={url}/v1/card/check_otp", environment=environment
    )
    assert done.returncode == 0 and "warning: check_otp.url" in done.stdout
    assert "/v1/card/check_otp/v1/card/check_otp" in done.stdout
    process = worker(url=f"{url}/prefix").wait_ready()
    warned = process.log_lines("a setting is seldom meant so")
    assert [line["setting"] for line in warned] == ["check_otp.url"]


def test_service_links_of_kubernetes_are_no_settings(bench, sandbox, worker):
    sandbox()
    links = {"OTP_KAFKA_PORT": "tcp://10.0.0.2:9092", "OTP_ADMIN_PORT": "tcp://10.0.0.3:80", "OTP_KAFKA_SERVICE_HOST": "10.0.0.2"}
    process = worker(settings={"log.level": "debug"}, environment={"OTP_CHECK_OTP_SECRET_KEY": harness.KEY, **links}).wait_ready()
    ignored = process.log_lines("variables that Kubernetes makes for Services are ignored")
    assert [line["variables"] for line in ignored] == [", ".join(sorted(links))]


def test_what_others_wrote_steers_no_terminal(bench, sandbox, worker, results):
    """A result and a dead letter as anybody might forge them, on a terminal and as raw JSON."""
    sandbox()
    process = worker().wait_ready()
    bench.produce([harness.command("fine-ab12", "AB12")])
    event = results.wait(1, 60, [process])[0]
    # As raw JSON may hold them; a session cannot hold control characters.
    format_only = "\u202e\u200b\u2066"
    forged = {**event, "otp_session_id": f"s{format_only}", "worker": f"w{STEERING}", "message": f"m{STEERING}"}
    topic = bench.results
    # What lies there is nobody's, and the contract's check is not to judge it.
    bench.results = f"{bench.prefix}.none"
    bench.produce([("s", json.dumps(forged, ensure_ascii=False))], topic)
    settings = settings_of(bench, topics__results=topic)
    done = bench.run("watch", "--from-beginning", "--limit", "2", *settings)
    steering = set(STEERING) - {"2", "J"}
    assert not steering & set(done.stdout), done.stdout
    messages = [json.loads(line)["message"] for line in done.stdout.splitlines()]
    assert sorted(messages) == sorted([event["message"], f"m{STEERING}"])
    table = bench.run("watch", "--from-beginning", "--limit", "2", "--lines", *settings).stdout
    assert not steering & set(table) and "s···" in table and "w·2J····" in table, table


def test_every_metric_is_there_from_the_start(bench, sandbox, worker):
    sandbox()
    process = worker().wait_ready()
    article = (harness.Path(__file__).parents[2] / "Sources/OTPWorker/OTPWorker.docc/Metrics.md").read_text()
    every = [line.split("`")[1] for line in article.splitlines() if line.startswith("| `")]
    # Those of the audit are on its own page.
    names = [name for name in every if not name.startswith("otp_worker_audit_")]
    page = process.metrics()
    assert len(names) < len(every) and "otp_worker_audit_" not in page
    missing = [name for name in names if not any(line.startswith((f"{name} ", f"{name}{{", f"{name}_bucket")) for line in page.splitlines())]
    # Lag is known once the statistics tell a partition's end.
    assert set(missing) <= {"otp_worker_partition_lag"}, missing


def test_numbers_are_logged_as_numbers(bench, sandbox, worker, results):
    sandbox()
    process = worker(settings={"log.level": "debug"}).wait_ready()
    bench.produce([harness.command("s~http400~x", "AB12"), harness.command("s~500~x", "AB12"), ("k", "no")])
    results.wait(3, 60, [process])
    assert process.end() == 0
    lines = [json.loads(line) for line in process.text().splitlines() if line.startswith("{")]
    texts = {name for line in lines for name, value in line.items() if isinstance(value, str) and value.lstrip("-").isdigit()}
    assert texts <= {"worker"}, texts
