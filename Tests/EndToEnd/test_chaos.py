"""Fleets under seeded plans of faults; see chaos.py. What the broker at hand cannot judge is skipped by name and reason."""

import time

import pytest

import chaos
import harness

# Of the default runs, none begins so late that they would take more than five minutes together.
LAST_BEGIN = 200.0


def test_plan_is_reproducible():
    assert [chaos.plan(seed) for seed in range(50)] == [chaos.plan(seed) for seed in range(50)]
    kinds = {step.action for seed in range(200) for step in chaos.plan(seed).steps}
    assert all(hasattr(chaos.Run, kind) for kind in kinds)


def test_chaos(chaos_seed, is_chaos_bounded, brokers, lines, folder, carrier, processes, capsys):
    if is_chaos_bounded and time.monotonic() - first_begin() > LAST_BEGIN:
        pytest.skip("the time for the default runs is used up")
    bench = harness.Bench(lines.address, folder, partitions=6).create_topics()
    run = chaos.Run(chaos.plan(chaos_seed), bench, brokers, carrier, processes.append)
    end = "failed"
    try:
        run.play()
        end = "passed"
    finally:
        took = time.monotonic() - run.began
        with capsys.disabled():
            print(f"\nseed {chaos_seed}: {end}, {run.total} commands, {len(run.plan.steps)} faults, {took:.0f} s", flush=True)
            if end == "failed":
                print(run.story(), flush=True)


def first_begin(moment=[]):
    moment or moment.append(time.monotonic())
    return moment[0]


@pytest.mark.parametrize("name", sorted(chaos.NEEDS_CLUSTER))
@pytest.mark.skipif(chaos.IS_CLUSTER, reason="the plans hold it")
def test_what_is_left_out(name):
    pytest.skip(f"{name}: {chaos.NEEDS_CLUSTER[name]}; set OTP_TEST_KAFKA=host:port")
