"""The soak in small, so that it is ready when it is needed: too short to judge growth, long enough for every other limit."""

import soak


def test_soak_in_small(brokers, folder):
    with soak.soak(2_000, rate=200, workers=2, retention=60, folder=folder, brokers=brokers) as run:
        run.run()
        broken = run.broken()
        assert not broken, "\n".join([*broken, run.table()])
        assert run.restarts > 0
