"""A fleet under a seeded plan of faults: real processes, a real wire, and a judge who looks from outside only.

`plan` says what happens and when, `Run` carries it out and brings the fleet to rest again. A plan depends on its seed alone; how the
processes interleave does not, so a seed that failed once may have to be played more than once.
"""

import heapq
import random
import signal
import subprocess
import time

import harness
import oracle
from fleets import FAST, IS_CLUSTER, audit, judge, proxy_before
from chaos_plan import UPSTREAM_FAULTS
from tcp_proxy import TCPProxy
from test_exactly_once import workload

ATTEMPT_TIMEOUT = 2.0
# Once the faults have stopped: what a start, a session time-out and the last retries may take on a busy machine.
FINISH_WITHIN = 60.0
EXIT_WITHIN = 40.0


class Slot:
    """A place in the fleet: its lines, and the process that has it now. Restarted like a supervisor would."""

    def __init__(self, run, number):
        bench = run.bench
        self.run = run
        self.name = f"slot-{number}"
        self.kafka = proxy_before(run.broker, run.carrier)
        self.http = TCPProxy(run.carrier, bench.sandbox.port)
        self.process = None
        self.past = []
        self.is_wanted = False
        self.ends_by = None
        self.is_paused = False

    def start(self):
        self.is_wanted = True
        if self.process:
            return
        self.run.note(f"{self.name} starts")
        settings = {**self.run.settings, "kafka.brokers": self.kafka.address}
        self.process = harness.Worker(self.run.bench, self.name, settings, f"http://{self.http.address}")
        self.run.keep(self.process)
        self.ends_by = None
        self.is_paused = False

    def send(self, number):
        if self.process and self.process.is_running():
            self.process.popen.send_signal(number)

    def terminate(self):
        if self.process and self.ends_by is None and not self.is_paused:
            self.ends_by = time.monotonic() + EXIT_WITHIN
            self.send(signal.SIGTERM)

    def kill(self):
        if self.process:
            self.process.kill()
            self.past.append(self.process)
            self.process = None

    def look(self):
        """Notices an exit, and judges it."""
        if not self.process:
            return
        if self.process.is_running():
            late = self.ends_by is not None and not self.is_paused and time.monotonic() > self.ends_by
            assert not late, f"{self.name} did not end within {EXIT_WITHIN} s of SIGTERM\n{self.tail()}"
            return
        status, text = self.process.popen.returncode, self.process.text()
        has_started = '"started"' in text
        self.run.note(f"{self.name} ended with {status}")
        # Without its broker a worker refuses to start, and a signal may come before it listens for any.
        is_refusal = not has_started and self.run.is_disturbed and status in (1, -signal.SIGTERM)
        is_asked = self.ends_by is not None and (status == 0 or (not has_started and status == -signal.SIGTERM))
        assert is_asked or is_refusal, f"{self.name} ended by itself with {status}\n{self.tail()}"
        self.past.append(self.process)
        self.process = None
        if is_refusal and not is_asked:
            self.run.after(0.5, self.restart)

    def restart(self):
        if self.is_wanted:
            self.start()

    def tail(self):
        return self.process.text()[-3000:] if self.process else ""


class Run:
    """One plan carried out: faults and load, then rest, then the judgement."""

    def __init__(self, the_plan, bench, broker, carrier, keep, nodes=None):
        self.plan = the_plan
        self.nodes = nodes
        self.bench = bench
        self.broker = broker
        self.carrier = carrier
        self.keep = keep
        self.notes = []
        self.agenda = []
        self.order = 0
        self.is_disturbed = True
        self.upstream_delays = 0.0
        self.sent = {}
        self.total = 0
        self.began = time.monotonic()
        self.settings = {
            **FAST,
            "check_otp.attempt_timeout": f"{ATTEMPT_TIMEOUT:.0f}s",
            "check_otp.connect_timeout": "1s",
            "check_otp.total_timeout": "8s",
            "check_otp.max_in_flight": "64",
            "commands.max_age": f"{the_plan.maximum_age}s",
            "drain.timeout": "5s",
        }
        self.journal = bench.folder / f"journal-{bench.prefix}.jsonl"
        bench.sandbox = harness.Sandbox(
            bench.folder,
            *("--implicit-sessions", "--wrong-codes", "50", "--latency", the_plan.latency),
            *("--repeat-answer", str(the_plan.repeat_answer), "--seed", str(the_plan.seed)),
            *("--journal", str(self.journal)),
        )
        keep(bench.sandbox)
        self.slots = [Slot(self, number) for number in range(the_plan.slots)]
        self.results = bench.watch()

    def note(self, text):
        self.notes.append(f"{time.monotonic() - self.began:6.2f} s  {text}")

    def after(self, seconds, work):
        self.order += 1
        heapq.heappush(self.agenda, (time.monotonic() + seconds, self.order, work))

    # What a step does.

    def do(self, step):
        slot = self.slots[step.slot]
        self.note(str(step))
        self.upstream_delays += step.seconds if step.action == "upstream_silent" else 0.0
        getattr(self, step.action)(slot, step)

    def kill(self, slot, step):
        if slot.process and slot.ends_by is None:
            slot.kill()
            self.after(step.seconds, slot.restart)

    def terminate(self, slot, step):
        if slot.process and slot.ends_by is None and not slot.is_paused:
            slot.terminate()
            self.restart_when_gone(slot, step.seconds)

    def restart_when_gone(self, slot, seconds):
        if slot.process and slot.ends_by is not None:
            self.after(0.1, lambda: self.restart_when_gone(slot, seconds))
        else:
            self.after(seconds, slot.restart)

    def pause(self, slot, step):
        process = slot.process
        if not process or slot.is_paused or slot.ends_by is not None:
            return
        slot.is_paused = True
        slot.send(signal.SIGSTOP)
        self.after(step.seconds, lambda: self.resume(slot, process))

    def resume(self, slot, process):
        if slot.process is process and slot.is_paused:
            slot.is_paused = False
            slot.send(signal.SIGCONT)

    def scale_out(self, slot, step):
        slot.start()

    def scale_in(self, slot, step):
        slot.is_wanted = False
        slot.terminate()

    def upstream(self, slot, step):
        self.bench.sandbox.faults(UPSTREAM_FAULTS[step.value])
        self.after(step.seconds, lambda: self.bench.sandbox.faults([]))

    def upstream_cut(self, slot, step):
        slot.http.cut()

    def upstream_silent(self, slot, step):
        slot.http.silent()
        self.after(step.seconds, slot.http.heal)

    def broker_cut(self, slot, step):
        slot.kafka.cut()

    def broker_down(self, slot, step):
        slot.kafka.down()
        self.after(step.seconds, slot.kafka.heal)

    def broker_silent(self, slot, step):
        slot.kafka.silent()
        self.after(step.seconds, slot.kafka.heal)

    def broker_slow(self, slot, step):
        slot.kafka.slow(step.value)
        self.after(step.seconds, slot.kafka.heal)

    def node_killed(self, slot, step):
        if number := self.nodes.kill():
            self.note(f"broker {number} is killed")
            self.after(step.seconds, self.nodes.start)

    def coordinator_silent(self, slot, step):
        slot.kafka.silent_coordinator()
        self.after(step.seconds, slot.kafka.heal)

    # The run.

    def play(self):
        try:
            self.trouble()
            self.rest()
            self.stop()
            self.judge()
        except (AssertionError, subprocess.SubprocessError) as error:
            raise AssertionError(f"{error}\n\n{self.story()}") from error
        finally:
            self.results.close()
            if self.nodes:
                self.nodes.restore()
            for slot in self.slots:
                slot.kafka.close()
                slot.http.close()

    def story(self):
        return "\n".join(
            [
                "The plan:",
                str(self.plan),
                "What was done:",
                *self.notes,
                f"Logs, journal: {self.bench.folder}; topics {self.bench.prefix}.*",
                f"Again: python -m pytest Tests/EndToEnd/test_chaos.py --chaos-seed {self.plan.seed} --chaos-runs 1",
            ]
        )

    def trouble(self):
        self.slots[0].start()
        self.slots[0].process.wait_ready()
        self.began = time.monotonic()
        records = workload(self.plan.seed, self.plan.sessions)
        draw = random.Random(self.plan.seed + 1)
        # A burst just before each step, so that it finds work under way; the rest spread evenly.
        times = [max(0.1, step.at - draw.uniform(0.02, 0.3)) for step in self.plan.steps]
        times += [draw.uniform(0.1, self.plan.length) for _ in range(20)]
        size = -(-len(records) // len(times))
        for index, at in enumerate(sorted(times)):
            burst = records[index * size : (index + 1) * size]
            self.after(at, lambda burst=burst: self.send(burst))
        for step in self.plan.steps:
            self.after(step.at, lambda step=step: self.do(step))
        self.total = len(records)
        while self.agenda:
            self.turn()

    def send(self, records):
        if records:
            self.bench.produce(records)
            now = time.time()
            self.sent.update((key, now) for key, _ in records)

    def turn(self):
        """One moment: what is due is done, and everyone is looked at."""
        wait = self.agenda[0][0] - time.monotonic() if self.agenda else 0.05
        self.results.poll(min(max(wait, 0.0), 0.05))
        while self.agenda and self.agenda[0][0] <= time.monotonic():
            heapq.heappop(self.agenda)[2]()
        for slot in self.slots:
            slot.look()

    def rest(self):
        """No fault any more: all slots that a healthy fleet has, and every command is answered in time."""
        self.note("the faults stop")
        if self.nodes:
            self.nodes.restore()
        for slot in self.slots:
            slot.kafka.heal()
            slot.http.heal()
            if slot.is_wanted or not IS_CLUSTER:
                slot.start()
        self.is_disturbed = False
        end = time.monotonic() + FINISH_WITHIN
        while self.results.poll(0) < self.total or not self.are_ready():
            self.turn()
            if time.monotonic() > end:
                self.fail_unfinished()
        self.note(f"all {self.total} are answered and the fleet is ready")
        self.rested = time.monotonic()

    def are_ready(self):
        urls = [f"http://127.0.0.1:{slot.process.admin}/ready" for slot in self.slots if slot.process]
        return all(harness.http(url)[0] == 200 for url in urls)

    def fail_unfinished(self):
        states = []
        for slot in self.slots:
            for page in ("ready", "status"):
                if slot.process:
                    body = harness.http(f"http://127.0.0.1:{slot.process.admin}/{page}")[1].decode()
                    states.append(f"{slot.name} /{page}: {body}")
            states.append(slot.tail())
        count = f"{len(self.results.events)} (a new reader sees {len(self.bench.events())})"
        count += f", {len(self.bench.consume(self.bench.commands))} commands,"
        raise AssertionError(f"{count} {self.total} sent, results {FINISH_WITHIN} s after the end\n" + "\n".join(states))

    def stop(self):
        for slot in self.slots:
            slot.is_wanted = False
            slot.terminate()
        while any(slot.process for slot in self.slots):
            self.turn()

    def judge(self):
        # What came later than needed would be a second answer.
        events, calls = self.bench.events(), self.bench.sandbox.calls()
        judge(self.bench, events, calls)
        slack = 1.0 + self.upstream_delays
        oracle.no_call_after_deadline(calls, self.sent, self.plan.maximum_age + slack)
        for process in (process for slot in self.slots for process in slot.past):
            text = process.text()
            assert harness.KEY not in text, f"{process.log} holds the key"
            plain = [line for line in text.splitlines() if not line.startswith("{")]
            assert not any("Fatal error" in line or "Stack dump" in line for line in plain), plain[:20]
        audit(self.bench, self.journal, self.plan.maximum_age)
