"""What happens to a fleet, and when: all of it from a seed."""

import dataclasses
import random

from fleets import SESSION_TIMEOUT

# What the plans leave out or cannot judge without a real cluster, and why; the last one takes the means to stop its brokers too.
NEEDS_CLUSTER = {
    "a slot that stays away": "noida-db evicts no dead member: the partitions of a static one would wait for ever",
    "a dead member's partitions at another": "noida-db gives them to nobody before the member is back",
    "hung transactions": "noida-db does not time out the transaction of a dead worker that nobody succeeds",
}
NEEDS_NODES = {"a broker's restart": "noida-db loses acknowledged data when it is killed, and a cluster is not ours to restart"}

UPSTREAM_FAULTS = {
    "down": [{"action": "status", "status": 503}],
    "crowded": [{"action": "status", "status": 429, "fraction": 0.5}],
    "failing": [{"action": "status", "status": 500, "fraction": 0.3, "processed": True}],
    "cutting": [{"action": "cut-after", "fraction": 0.3}, {"action": "cut-before", "fraction": 0.2}],
    "slow": [{"action": "delay", "ms": 700}],
    "hanging": [{"action": "hang", "fraction": 0.2, "processed": True}],
    "garbling": [{"action": "half", "fraction": 0.2}, {"action": "garbage", "fraction": 0.2}],
}


@dataclasses.dataclass(frozen=True, order=True)
class Step:
    """One fault: when (seconds after the load began), which, on which slot, and its one argument."""

    at: float
    action: str
    slot: int = 0
    value: object = None
    seconds: float = 0.0

    def __str__(self):
        value = "" if self.value is None else f" {self.value}"
        return f"{self.at:6.2f} s  {self.action} slot {self.slot}{value} for {self.seconds:.2f} s"


@dataclasses.dataclass(frozen=True)
class Plan:
    seed: int
    slots: int
    sessions: int
    latency: str
    repeat_answer: int
    maximum_age: int
    steps: tuple
    length: float

    def __str__(self):
        head = (
            f"seed {self.seed}: {self.slots} slot(s), {self.sessions} sessions, latency {self.latency}, "
            f"repeat answer {self.repeat_answer}, max_age {self.maximum_age} s, {self.length:.0f} s"
        )
        return "\n".join([head, *(f"  {step}" for step in self.steps)])


def plan(seed, length=24.0, has_nodes=False):
    """The plan of a seed: one slot mostly, for what can be judged there is cheap; now and then a fleet that grows and shrinks.

    With `has_nodes` brokers are killed in turn among the faults."""
    draw = random.Random(seed)
    slots = draw.choice([1, 1, 1, 2, 3])
    steps, at = [], 1.5
    for slot in range(1, slots):
        steps.append(Step(draw.uniform(2.0, length / 2), "scale_out", slot))
    if slots == 3:
        steps.append(Step(draw.uniform(length * 0.6, length * 0.8), "scale_in", 2))
    while at < length:
        steps.append(fault(draw, at, draw.randrange(slots), has_nodes))
        at += draw.uniform(1.0, 4.0)
    return Plan(
        seed=seed,
        slots=slots,
        sessions=draw.choice([400, 600]),
        latency=draw.choice(["2ms-20ms", "20ms-200ms", "50ms-400ms"]),
        repeat_answer=draw.choice([100, 100, 17, 0]),
        maximum_age=draw.choice([120, 120, 15]),
        steps=tuple(sorted(steps, key=lambda step: step.at)),
        length=length,
    )


def fault(draw, at, slot, has_nodes):
    kinds = {
        "kill": 5,
        "terminate": 2,
        "pause": 2,
        "pause_past_session": 1,
        "upstream": 4,
        "upstream_cut": 1,
        "upstream_silent": 1,
        "broker_cut": 2,
        "broker_down": 1,
        "broker_silent": 1,
        "broker_slow": 1,
        "coordinator_silent": 1,
        **({"node_killed": 6} if has_nodes else {}),
    }
    action = draw.choices(list(kinds), list(kinds.values()))[0]
    if action == "upstream":
        return Step(at, action, slot, draw.choice(sorted(UPSTREAM_FAULTS)), draw.uniform(1.0, 4.0))
    if action == "broker_slow":
        return Step(at, action, slot, round(draw.uniform(0.02, 0.15), 3), draw.uniform(1.0, 4.0))
    longest = {
        "kill": 2.0,
        "terminate": 2.0,
        "pause": 2.5,
        "upstream_silent": 4.0,
        "broker_down": 5.0,
        "broker_silent": 5.0,
        "coordinator_silent": SESSION_TIMEOUT + 3.0,
        "node_killed": 8.0,
    }
    if action == "pause_past_session":
        return Step(at, "pause", slot, None, draw.uniform(SESSION_TIMEOUT + 0.5, SESSION_TIMEOUT + 3.0))
    return Step(at, action, slot, None, draw.uniform(0.0, longest.get(action, 0.0)))
