"""`monitor` in a browser: what it shows is what was published, anyone who may look sees it, and what breaks is told."""

import base64
import datetime
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

import browser
import fleets
import harness
from fleets import proxy_before

# Of what a person types and what nobody may see.
SECRETS = (harness.PHONE, harness.KEY)
TOKEN = "0123456789abcdef" + "token"
PASSWORD = "correct-horse" + "-battery"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    one = browser.Browser(tmp_path_factory.mktemp("browser"))
    yield one
    one.close()


@pytest.fixture
def monitor(bench, folder, processes):
    """Starts `monitor` on a free port and waits until it reads."""

    def start(*arguments, brokers=None, ready=True, of=bench):
        settings = {**of.topic_settings(), "kafka.group_id": f"{of.prefix}.group"}
        settings["kafka.brokers"] = brokers or of.brokers
        words = [word for pair in settings.items() for word in ("--set", "=".join(pair))]
        process = harness.Process("monitor", [harness.BINARY, "monitor", "--port", "0", *words, *arguments], folder)
        processes.append(process)
        process.url = harness.until("it listens", lambda: address(process), 30)
        if ready:
            harness.until("it reads", lambda: readiness(process)[0], 30)
        return process

    yield start


def address(process):
    assert process.is_running(), process.text()
    return next((line for line in process.text().splitlines() if line.startswith("http")), None)


def readiness(process):
    """Whether it is ready, and what stops it, by condition."""
    status, body = harness.http(process.url + "ready")
    conditions = json.loads(body)["conditions"] if body else []
    return status == 200, {one["name"]: one["detail"] for one in conditions if not one["ok"]}


def verify(bench, *names, code=None):
    bench.produce([harness.command(name, code or harness.right_code(name)) for name in names])


def figure(page, name):
    """The number of a figure of the page."""
    script = f"[...document.querySelectorAll('.figure')].find(x => x.querySelector('dt').textContent === {name!r})"
    return page.ask(f"{script}?.querySelector('dd').firstChild.textContent")


def total(page):
    said = re.search(r"([\d,]+) since the start", page.text("#figures"))
    return int(said[1].replace(",", "")) if said else -1


def test_the_page_lives(bench, sandbox, worker, results, monitor, chromium):
    """It loads without a word in the console, follows what is published, and shows no secret."""
    sandbox("--latency", "2ms-10ms")
    process = worker().wait_ready()
    monitor = monitor()
    page = chromium.page().go(monitor.url)
    page.wait("it is live", "document.getElementById('verdict').textContent === 'Live'")
    assert total(page) == 0
    verify(bench, *[f"m-{number:04d}" for number in range(300)])
    bench.produce([harness.command("wrong-ab12", "WRNG"), ("k", "{not json"), harness.command("s~http400~x", "AB12")])
    results.wait(303, 60, [process])
    harness.until("the figures move", lambda: total(page) == 303, 20)
    page.wait("the letter comes", "document.getElementById('letters').innerText.includes('malformed')")
    page.wait("the failed one comes", "document.getElementById('troubled').innerText.includes('s~http400~x')")
    assert "Everything is read, and nothing is found wrong." in page.text("#health")
    assert re.search(r"worker-0\s+member\s+[\d.]+\s+303\s+1\s+0", page.text("#workers")), page.text("#workers")
    harness.until("nothing waits", lambda: figure(page, "commands that wait") == "0", 20)
    page.wait("the chart follows", "document.querySelector('#charts rect.verified') !== null", 20)

    # The session, by a link and by the keyboard alone.
    page.ask("document.querySelector('#troubled a').click()")
    page.wait("the session opens", "location.pathname === '/session'")
    assert re.search(r"result\s+\d/\d+\s+failed/refused_by_upstream, 1 call, HTTP 400", page.text()), page.text()
    page.ask("document.getElementById('id').select()")
    page.press(*"m-0007", "Enter")
    page.wait("it is found", "document.querySelector('h2')?.textContent.includes('m-0007')")
    assert "1 result, verified" in page.text()
    page.go(monitor.url + "session?id=nobody")
    assert "nothing is remembered" in page.text()
    assert [fault for fault in page.faults if "404" not in fault] == []

    for path in ("", "?range=24h", "session?id=m-0007", "session?id=s~http400~x", "runbook", "ready", "script.js"):
        body = harness.http(monitor.url + path)[1].decode()
        assert body and not any(secret in body for secret in SECRETS), path
    assert monitor.end() == 0
    assert not any(secret in monitor.text() for secret in SECRETS)


def test_a_hostile_session_is_text(bench, sandbox, worker, results, monitor, chromium):
    """What a producer writes into an id can be neither markup nor script, in the page, its stream or a session's page."""
    sandbox()
    process = worker().wait_ready()
    monitor = monitor()
    page = chromium.page().go(monitor.url)
    evil = "<img src=x onerror=document.title='evil'>\"'&~http400~"
    verify(bench, evil, code="AB12")
    results.wait(1, 60, [process])
    page.wait("it comes by the stream", "document.getElementById('troubled').innerText.includes('onerror')")
    fresh = chromium.page().go(monitor.url)
    fresh.ask("document.querySelector('#troubled a').click()")
    fresh.wait("its page opens", "document.querySelector('h2')?.textContent.includes('onerror')")
    for one in (page, fresh):
        assert one.ask("document.querySelectorAll('img').length") == 0
        assert "evil" not in one.ask("document.title") and one.faults == []


def test_without_a_script(bench, sandbox, worker, results, monitor, chromium):
    """The essentials are in the document itself, which loads itself again."""
    sandbox()
    process = worker().wait_ready()
    monitor = monitor()
    page = chromium.page(has_script=False).go(monitor.url)
    assert page.ask("document.getElementById('verdict').innerText") == ""
    verify(bench, "plain-0001", "plain~http400~0002")
    results.wait(2, 60, [process])
    harness.until("it has loaded itself again", lambda: total(page) == 2, 30)
    assert page.ask("document.querySelectorAll('svg path, svg rect').length") > 0
    assert "worker-0" in page.text("#workers") and "plain~http400~0002" in page.text("#troubled")
    page.go(monitor.url + "session?id=plain-0001")
    assert "1 result, verified" in page.text()
    assert page.faults == []


def test_a_killed_worker_shows(bench, sandbox, worker, results, monitor, chromium):
    sandbox()
    workers = [worker(f"worker-{number}").wait_ready() for number in range(2)]
    monitor = monitor()
    page = chromium.page().go(monitor.url)
    verify(bench, *[f"k-{number:04d}" for number in range(100)])
    results.wait(100, 60, workers)
    harness.until("both are members", lambda: page.text("#workers").count("member") >= 3, 20)
    verify(bench, *[f"k-{number:04d}" for number in range(100, 200)])
    results.wait(200, 60, workers)
    began = time.monotonic()
    workers[1].kill()

    # Not in the group once its session has ended, as Kafka has it; or silent, while others answer.
    def is_missed():
        verify(bench, *[f"k-{time.monotonic_ns()}-{number}" for number in range(20)])
        return re.search(r"worker-1\s+(not in it|silent)", page.text("#workers"))

    harness.until("it is missed", is_missed, 30)
    print(f"a killed worker shows after {time.monotonic() - began:.1f} s")
    health = page.text("#health")
    assert re.search("worker-1 (is not in the group|has answered nothing)", health) and "runbook: down" in health, health
    page.ask("[...document.querySelectorAll('#health a')].find(a => a.hash === '#down').click()")
    page.wait("the runbook opens there", "location.hash === '#down' && document.querySelector(':target')?.id === 'down'")
    assert page.faults == []


def findings(page, *words, seconds=90):
    """Waits for a finding that has all of these words, and returns its text."""

    def found():
        lines = page.ask("[...document.querySelectorAll('#health li')].map(x => x.innerText.replace(/\\s+/g, ' '))")
        return next((line for line in lines if all(word in line for word in words)), None)

    return harness.until(f"it is found: {words}", found, seconds)


def runbook(page, section):
    """Goes where the finding leads, and returns what the runbook says there."""
    page.ask(f"[...document.querySelectorAll('#health a')].find(a => a.hash === '#{section}').click()")
    page.wait("the runbook opens there", f"document.querySelector(':target')?.id === '{section}'")
    return page.ask("document.querySelector(':target').nextElementSibling.innerText")


def photograph(chromium, monitor, name):
    """For the eye, where somebody wants to look: OTP_TEST_PICTURES names a folder."""
    if folder := os.environ.get("OTP_TEST_PICTURES"):
        for kind, options in {"light": {}, "phone": {"width": 390, "height": 844, "is_dark": True}}.items():
            chromium.page(**options).go(monitor.url).photograph(Path(folder) / f"{name}-{kind}.png")


def test_a_slow_upstream_is_found(bench, sandbox, worker, results, monitor, chromium):
    """From the page alone: that answers are slow, in which workers, that it is the upstream, and what to do."""
    sandbox("--latency", "3s")
    workers = [worker(f"worker-{number}").wait_ready() for number in range(2)]
    monitor = monitor()
    page = chromium.page().go(monitor.url)
    # Beside them those that need no call: what was typed is no code.
    sent = [harness.command(f"slow-{number:04d}", harness.right_code(f"slow-{number:04d}")) for number in range(60)]
    bench.produce(sent + [harness.command(f"typo-{number:04d}", "AB-2") for number in range(20)])
    results.wait(80, 90, workers)
    slow = findings(page, "one answer in twenty took longer than", "in the last 5 minutes, of all 2 workers alike")
    assert "those that needed no call took" in slow and "it is the upstream runbook: upstream slow" in slow, slow
    assert "answers slowly" in page.text("#upstream")
    photograph(chromium, monitor, "slow")
    assert "One attempt in twenty takes longer than 2 s" in runbook(page, "upstream-slow")
    assert page.faults == []


def test_a_parked_partition_is_found(bench, sandbox, worker, results, monitor, chromium):
    """From the page alone: which partition, whose, and what to do; the others go on."""
    sandbox()
    process = worker().wait_ready()
    monitor = monitor()
    page = chromium.page().go(monitor.url)
    verify(bench, *[f"before-{number:04d}" for number in range(60)])
    results.wait(60, 90, [process])
    page.wait("the owners are told", "document.querySelectorAll('#partitions .owner').length === 8")
    if fleets.IS_CLUSTER:
        # Its topic takes no result any more.
        topic = ConfigResource(ResourceType.TOPIC, bench.results)
        topic.add_incremental_config(ConfigEntry("max.message.bytes", "200", incremental_operation=AlterConfigOpType.SET))
        admin = AdminClient({"bootstrap.servers": bench.brokers})
        for done in admin.incremental_alter_configs([topic]).values():
            done.result(30)
    else:
        # This broker takes all; commands that nobody takes look the same from outside.
        process.end()
    verify(bench, "parked-0001")
    parked = findings(page, "1 command waits, and no result came from it for 30 s", "runbook: partition parked")
    number = int(re.search(r"partition (\d+): 1 command waits", parked)[1])
    assert number == next(record.partition for record in bench.records(bench.commands) if record.key == b"parked-0001")
    if fleets.IS_CLUSTER:
        assert "worker-0 has it, and its /ready says why" in parked and process.is_running()
        assert re.search(rf"{number}\s+0/s\s+1 wait\s+worker-0", page.ask("document.querySelector('#partitions .warn').innerText"))
    photograph(chromium, monitor, "parked")
    assert "A worker has stopped some of its partitions" in runbook(page, "partition-parked")
    assert page.faults == []


def test_guessing_is_found(bench, sandbox, worker, results, monitor, chromium):
    """From the page alone: that somebody tries codes, in which session, and what to do."""
    sandbox()
    process = worker(settings={"ledger.max_codes_per_session": "3"}).wait_ready()
    monitor = monitor()
    page = chromium.page().go(monitor.url)
    verify(bench, *[f"honest-{number:04d}" for number in range(60)])
    bench.produce([harness.command("guessed-0001", f"CD{number:02d}") for number in range(15)])
    results.wait(75, 90, [process])
    found = findings(page, "12 commands were refused for too many codes in 15 minutes in 1 session", "the most in guessed-0001")
    assert "runbook: guessing" in found
    photograph(chromium, monitor, "guessing")
    assert "Commands are answered too_many_codes" in runbook(page, "guessing")
    page.go(monitor.url)
    page.ask("[...document.querySelectorAll('#health a')].find(a => a.textContent === 'guessed-0001').click()")
    page.wait("the session opens", "location.pathname === '/session'")
    assert "rejected/too_many_codes, 0 calls" in page.text()
    # One who takes a new session for each code is found by what most codes come to.
    bench.produce([harness.command(f"sprayed-{number:04d}", "WRNG") for number in range(100)])
    results.wait(175, 90, [process])
    page.go(monitor.url)
    findings(page, "of the codes of 15 minutes were wrong: somebody tries codes", "runbook: guessing")
    assert page.faults == []
    for secret in (*SECRETS, "CD07"):
        assert secret not in harness.http(monitor.url)[1].decode() and secret not in page.text("body")


def test_who_may_look(bench, folder, monitor, chromium):
    credentials = Path(folder) / "monitor.credentials"
    credentials.write_text(f"bearer {TOKEN}\nbasic ops:{PASSWORD}\n")
    monitor = monitor("--credentials", str(credentials), ready=False)

    def ask(path, header=None):
        words = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}"] + (["-H", f"Authorization: {header}"] if header else [])
        return subprocess.run([*words, monitor.url + path], capture_output=True, text=True, timeout=20).stdout

    basic = base64.b64encode(f"ops:{PASSWORD}".encode()).decode()
    for path in ("", "session?id=a", "runbook", "events", "style.css"):
        assert ask(path) == ask(path, f"Bearer {TOKEN}x") == ask(path, "Basic b3BzOng=") == "401"
    assert ask("", f"Bearer {TOKEN}") == ask("", f"Basic {basic}") == ask("live") == "200"

    # A browser says it once, and its script, its style and its stream come with it.
    page = chromium.page(credentials=("ops", PASSWORD)).go(monitor.url)
    page.wait("it is live", "document.getElementById('verdict')?.textContent === 'Live'")
    assert page.asked == 1 and [fault for fault in page.faults if "401" not in fault] == []
    stranger = chromium.page(credentials=("ops", "wrong" + PASSWORD)).go(monitor.url)
    assert "who are you?" in stranger.text("body") and stranger.asked == 2

    credentials.write_text("bearer short\n")
    harness.until("it says what is wrong", lambda: "credentials" in readiness(monitor)[1], 30)
    assert "fewer than 16 bytes" in readiness(monitor)[1]["credentials"] and ask("", f"Bearer {TOKEN}") == "200"
    credentials.write_text(f"bearer {TOKEN[::-1]}\n")
    harness.until("the new one counts", lambda: ask("", f"Bearer {TOKEN[::-1]}") == "200", 30)
    assert ask("", f"Bearer {TOKEN}") == "401" and readiness(monitor)[1].get("credentials") is None
    assert TOKEN not in monitor.text() and PASSWORD not in monitor.text()


def test_what_it_refuses_to_start_with(bench, folder):
    words = [word for pair in bench.topic_settings().items() for word in ("--set", "=".join(pair))]

    def start(*arguments):
        done = bench.run("monitor", "--port", "0", *words, *arguments)
        return done.returncode, done.stderr

    code, said = start("--host", "0.0.0.0")
    assert code == 2 and "0.0.0.0 can be reached from other machines" in said
    short = Path(folder) / "short.credentials"
    short.write_text("basic ops:tooshort\n")
    code, said = start("--credentials", str(short))
    assert code == 2 and "line 1: the secret has fewer than 16 bytes" in said and "tooshort" not in said
    assert start("--credentials", str(folder / "nothing"))[0] == 2
    code, said = start("--tls-certificate", str(short))
    assert code == 2 and "--tls-key" in said
    code, said = start("--tls-certificate", str(short), "--tls-key", str(short))
    assert code == 2 and "certificate" in said
    code, said = start("--set", "topics.results=nobody")
    assert code == 1 and "nobody" in said


def test_tls(bench, folder, monitor):
    certificate, key = folder / "monitor.crt", folder / "monitor.key"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*make, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=30)
    monitor = monitor("--tls-certificate", str(certificate), "--tls-key", str(key), ready=False)
    assert monitor.url.startswith("https://")
    stream = subprocess.Popen(
        ["curl", "-sSN", "--cacert", certificate, monitor.url + "events"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert stream.stdout.readline().startswith(b"retry")
        old = subprocess.run(
            ["curl", "-sS", "--cacert", certificate, "--tls-max", "1.1", monitor.url], capture_output=True, timeout=20
        )
        assert old.returncode != 0
        began = time.monotonic()
        assert monitor.end() == 0
        assert time.monotonic() - began < 10
    finally:
        stream.kill()
        stream.wait(10)


def test_a_lost_cluster(bench, brokers, carrier, sandbox, worker, results, monitor, chromium):
    """It says so on the page and to probes while there is none, and goes on where it was."""
    sandbox()
    process = worker().wait_ready()
    line = proxy_before(brokers, carrier)
    try:
        monitor = monitor(brokers=line.address)
        page = chromium.page().go(monitor.url)
        verify(bench, "first-0001")
        results.wait(1, 60, [process])
        harness.until("it comes", lambda: total(page) == 1, 20)
        line.down()
        harness.until("it is not ready", lambda: "cluster" in readiness(monitor)[1], 60)
        page.wait("the page says so", "document.getElementById('health').innerText.includes('no answer from the cluster')")
        verify(bench, "second-0001")
        results.wait(2, 60, [process])
        line.heal()
        harness.until("it is ready", lambda: readiness(monitor)[0], 60)
        harness.until("nothing is lost", lambda: total(page) == 2 or "second-0001" in session(monitor, "second-0001"), 30)
        assert monitor.end() == 0
    finally:
        line.close()


def session(process, name):
    status, body = harness.http(process.url + f"session?id={name}")
    return body.decode() if status == 200 else ""


def test_what_came_before_it(bench, sandbox, worker, results, monitor):
    """With --since, history and sessions from before the start are there."""
    sandbox()
    process = worker().wait_ready()
    verify(bench, "before-0001", "before~http400~0002")
    results.wait(2, 60, [process])
    first = monitor()
    assert session(first, "before-0001") == ""
    second = monitor("--since", "1h")
    harness.until("it is found", lambda: "1 result, verified" in session(second, "before-0001"), 30)
    assert "before~http400~0002" in harness.http(second.url)[1].decode()


# Of a core, at 5,000 results a second: a build without optimisation. A release is held to 0.2.
CORE = float(os.environ.get("OTP_TEST_MONITOR_CORE", "1.5"))


def test_many_results(brokers, lines, folder, monitor, chromium, capsys):
    """5,000 results a second for a while: it keeps up, memory stays bounded, and it says what it costs."""
    seconds = int(os.environ.get("OTP_TEST_MONITOR_SECONDS", "30"))
    # Topics that no worker has written to, and no check of the contract reads through; a line of the tests' own is slower than a broker.
    bench = harness.Bench(brokers if fleets.IS_CLUSTER else lines.address, folder).create_topics()
    monitor = monitor(of=bench)
    pages = [chromium.page().go(monitor.url) for _ in range(2)]
    flood = Flood(bench, 5_000)
    try:
        # Every list is full by then.
        harness.until("it is warm", lambda: total(pages[0]) > 40_000, 120)
        memory, used, read, began = resident(monitor), cpu(monitor), total(pages[0]), time.monotonic()
        harness.until("time passes", lambda: time.monotonic() - began > seconds, seconds + 60)
        took = time.monotonic() - began
        spent, rate = (cpu(monitor) - used) / took, (total(pages[0]) - read) / took
        grown = resident(monitor) - memory
        sent = flood.end()
        # A reader that is slower than the flood is minutes behind by now. So is a line of the tests' own.
        harness.until("all are counted", lambda: total(pages[0]) == sent, 15 if fleets.IS_CLUSTER else 120)
    finally:
        flood.end()
        bench.close()
    # What the machine has no time to send is not read either: the cost of what was.
    share = spent * 5_000 / rate
    with capsys.disabled():
        print(f"\n{sent:,} results, {rate:,.0f} a second: {spent:.1%} of a core, {share:.1%} at 5,000 a second; ", end="")
        print(f"resident {memory / 1e6:.0f} MB and {grown / 1e6:+.1f} MB")
    assert share < CORE
    # What is read ahead and freed comes and goes in steps of 20 MB; kept, these results would be 200 MB more.
    assert resident(monitor) < 200e6
    assert all(page.faults == [] for page in pages)
    assert monitor.end() == 0


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Flood:
    """Results of nobody, so many a second, until it is ended; every second of them failed."""

    def __init__(self, bench, rate):
        self.bench, self.rate, self.sent = bench, rate, 0
        self.is_ended = threading.Event()
        self.producer = Producer({"bootstrap.servers": bench.brokers, "linger.ms": 20, "queue.buffering.max.messages": 500_000})
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        began, made = time.monotonic(), 0
        while not self.is_ended.wait(0.05):
            due = int((time.monotonic() - began) * self.rate) - made
            made += due
            # A broker that takes fewer is sent fewer: what waited here would be old when it comes.
            for number in range(self.sent, self.sent + (due if len(self.producer) < 5_000 else 0)):
                self.producer.produce(self.bench.results, self.result(number, now()), f"flood-{number:036d}")
                self.sent = number + 1
            self.producer.poll(0)

    def result(self, number, time):
        has_failed = number % 2 == 0
        status, reason = ("failed", "upstream_unavailable") if has_failed else ("verified", "ok")
        return json.dumps(
            {
                "command_id": f"c-{number}",
                "otp_session_id": f"flood-{number:036d}",
                "status": status,
                "reason": reason,
                "retryable": has_failed,
                "in_doubt": False,
                "replayed": False,
                "code": 0,
                "message": "Başarılı İşlem",
                "http_status": 200,
                "calls": 1,
                "user_gsm": "532*****42",
                "received_at": time,
                "completed_at": time,
                "source": {"topic": self.bench.commands, "partition": number % 8, "offset": number},
                "worker": f"worker-{number % 3}",
            }
        )

    def end(self):
        """How many there were; may be asked again."""
        self.is_ended.set()
        self.thread.join(10)
        assert self.producer.flush(30) == 0
        return self.sent


def resident(process):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.popen.pid}/status").read_text())[1]) * 1024


def cpu(process):
    fields = Path(f"/proc/{process.popen.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
