"""The benchmark's own pieces: its peers are honest, and its reports can be made. What they cost is not looked at here."""

import json
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "Benchmark"))

import measure  # noqa: E402
import report  # noqa: E402

FEW = measure.Conditions(commands=300, rate=200, seconds=0.5, in_flight=64)


@pytest.mark.parametrize("peer", ["python", "c"])
def test_a_peer_answers_each_command_once(peer, folder):
    """`run` judges: one result in the published form, one call per command, all of it behind the offsets where a cluster tells them."""
    figures = measure.run(peer, FEW, str(folder))
    assert figures.rate_p50_ms >= FEW.upstream_ms


def test_ratios_are_those_of_each_round():
    def figures(value):
        return measure.Figures(*[value] * 6)

    rounds = {"worker": [figures(1.0), figures(6.0), figures(9.0)], "python": [figures(4.0), figures(6.0), figures(12.0)]}
    told = report.as_json(rounds, FEW)
    assert told["ratios"]["worker / python"]["cpu_us"] == {"median": 0.75, "least": 0.25, "most": 1.0}
    assert json.loads(json.dumps(told)) == told
    assert "0.75 (0.25–1.00)" in report.table(rounds, FEW)
    xml.etree.ElementTree.fromstring(report.chart(rounds, FEW))
