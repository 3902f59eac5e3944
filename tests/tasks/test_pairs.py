"""What pairs cost is measured against the network without them, and the worst comes first."""

from __future__ import annotations

import onnx
import pytest
from quantized_models import convolutions, samples

from trtflow.data import Dataset, Sample
from trtflow.files.pairs import PairCosts
from trtflow.model.edit import clone
from trtflow.tasks.documents import Documents
from trtflow.tasks.pairs import pair_costs, pairs_mark

DATA = Dataset("noise", lambda: iter(Sample(feed) for feed in samples()))


def coarse(name: str, factor: float) -> onnx.ModelProto:
    """The pair in front of ``name`` has steps ``factor`` times as wide."""
    net = clone(convolutions())
    scale = next(tensor for tensor in net.graph.initializer if tensor.name == f"{name}_x_s")
    held = onnx.numpy_helper.to_array(scale)
    scale.CopyFrom(onnx.numpy_helper.from_array(held * held.dtype.type(factor), scale.name))
    return net


@pytest.mark.parametrize("culprit", ["one", "two", "three"])
def test_the_pair_with_the_coarsest_steps_is_found(culprit: str) -> None:
    found = pair_costs(coarse(culprit, 30), DATA)
    first = found.nodes[0]
    assert (first.node, first.op) == (culprit, "Conv")
    assert set(first.dequantizers) == {f"{culprit}_x_dq", f"{culprit}_w_dq"}
    assert {entry.node for entry in found.nodes} == {"one", "two", "three"}
    assert first.metrics["sqnr"] > found.held["sqnr"] + 6 > found.nodes[1].metrics["sqnr"]


def test_a_network_in_floating_point_has_none() -> None:
    assert pair_costs(convolutions(paired=()), DATA) == PairCosts()


def test_samples_and_nodes_are_bounded_and_what_is_left_is_told() -> None:
    found = pair_costs(convolutions(), DATA, samples=2, limit=1)
    assert (found.samples, len(found.nodes), found.untried) == (2, 1, 2)


def test_the_mark_tells_the_cost_and_the_worst() -> None:
    costs = pair_costs(coarse("two", 30), DATA)
    (mark,) = pairs_mark(Documents(pairs=costs))
    figures = f"sqnr {costs.held['sqnr']:.4g}; without those of two, sqnr {costs.nodes[0].metrics['sqnr']:.4g}"
    assert figures in mark
    assert "requantize: true" in mark


@pytest.mark.parametrize("costs", [None, PairCosts()])
def test_without_pairs_there_is_nothing_to_mark(costs: PairCosts | None) -> None:
    assert list(pairs_mark(Documents(pairs=costs))) == []
