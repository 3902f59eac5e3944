"""Each cure of a node is tried on that node alone, after what was done to it before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from spread_model import bench, spread_model

from trtflow.calibration.cures.nodes import NodeTrials
from trtflow.cures import NODE_CURES, NodeCure
from trtflow.cures.clipping import Clipping
from trtflow.cures.correction import Correction


@pytest.mark.parametrize("kind", NODE_CURES)
@pytest.mark.parametrize("node", ["up", "down"])
def test_a_cure_is_measured_on_the_node_alone(kind: type[NodeCure], node: str) -> None:
    work = bench(spread_model(1.0))
    found = NodeTrials(kind).places(work)
    assert list(found) == ["up", "down"]
    trial = found[node]()
    assert trial.cure.before == work.error((node,))
    assert trial.cure.after == work.error((node,), trial.state)


@pytest.mark.parametrize(("node", "channels"), [("up", 16), ("down", 4)])
def test_a_clipping_holds_one_share_a_channel(node: str, channels: int) -> None:
    cure = NodeTrials(Clipping).places(bench(spread_model(1.0)))[node]().cure
    assert isinstance(cure, Clipping)
    assert len(cure.shares) == channels


def test_a_correction_goes_by_the_weights_as_they_are_clipped() -> None:
    work = bench(spread_model(1.0))
    plain = NodeTrials(Correction).places(work)["down"]().cure
    half = Clipping(subject="down", nodes=("down",), before=1.0, after=0.1, shares=(0.5,) * 4)
    work.state = replace(work.state, cures=(half,))
    assert NodeTrials(Correction).places(work)["down"]().cure.bias != plain.bias


def test_the_network_itself_keeps_its_biases() -> None:
    model = spread_model(1.0)
    work = bench(model)
    assert NodeTrials(Correction).places(work)["up"]().state.model == model
