"""Fleets under seeded plans of faults; see chaos.py. What the broker at hand cannot judge is skipped by name and reason."""

import time

import pytest

import chaos
import chaos_plan
import contract
import fleets
import harness
from nodes import COMMAND, Nodes

# Of the default runs, none begins so late that they would take more than five minutes together.
LAST_BEGIN = 200.0


@pytest.fixture(scope="module")
def chaos_began():
    return time.monotonic()


def test_plan_is_reproducible():
    assert [chaos_plan.plan(seed) for seed in range(50)] == [chaos_plan.plan(seed) for seed in range(50)]
    kinds = {step.action for seed in range(200) for step in chaos_plan.plan(seed, has_nodes=True).steps}
    assert all(hasattr(chaos.Run, kind) for kind in kinds)


def test_chaos(chaos_seed, is_chaos_bounded, chaos_began, brokers, lines, folder, carrier, processes, capsys):
    if is_chaos_bounded and time.monotonic() - chaos_began > LAST_BEGIN:
        pytest.skip("the time for the default runs is used up")
    bench = harness.Bench(lines.address, folder, partitions=6).create_topics()
    nodes = Nodes(brokers) if COMMAND else None
    run = chaos.Run(chaos_plan.plan(chaos_seed, has_nodes=bool(nodes)), bench, brokers, carrier, processes.append, nodes)
    end = "failed"
    try:
        run.play()
        contract.check(bench)
        bench.close()
        end = "passed"
    finally:
        took = time.monotonic() - run.began
        with capsys.disabled():
            print(f"\nseed {chaos_seed}: {end}, {run.total} commands, {len(run.plan.steps)} faults, {took:.0f} s", flush=True)
            if end == "failed":
                print(run.story(), flush=True)


@pytest.mark.parametrize("name", [*chaos_plan.NEEDS_NODES, *chaos_plan.NEEDS_CLUSTER])
def test_what_is_left_out(name):
    if name in chaos_plan.NEEDS_NODES:
        if not COMMAND:
            pytest.skip(f"{name}: {chaos_plan.NEEDS_NODES[name]}; set OTP_TEST_KAFKA_NODE to a command that kills and starts them")
        return
    if not fleets.IS_CLUSTER:
        pytest.skip(f"{name}: {chaos_plan.NEEDS_CLUSTER[name]}; set OTP_TEST_KAFKA=host:port")
