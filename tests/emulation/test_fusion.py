from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node, ops, random, run

from trtflow.emulation.fusion import fused
from trtflow.model.analysis import analyse
from trtflow.model.assignment import Edges, edges
from trtflow.model.edit import clone, fresh_names
from trtflow.plan import PrecisionPlan

X = random(2, 4, 5, 5)
KINDS = {
    "Conv": ("Conv", (6, 4, 3, 3), {}, 6),
    "grouped Conv": ("Conv", (6, 2, 3, 3), {"group": 2}, 6),
    "ConvTranspose": ("ConvTranspose", (4, 6, 3, 3), {}, 6),
    "grouped ConvTranspose": ("ConvTranspose", (4, 3, 3, 3), {"group": 2}, 6),
}


def network(
    op: str, shape: tuple[int, ...], attributes: dict[str, int], channels: int, bias: bool
) -> onnx.ModelProto:
    nodes = [
        node(op, "x w b" if bias else "x w", "c", **attributes),
        node("BatchNormalization", "c scale shift mean var", "n", epsilon=1e-3),
        node("Relu", "n", "y"),
    ]
    names = ("b", "scale", "shift", "mean") if bias else ("scale", "shift", "mean")
    weights = [f32("w", random(*shape, seed=1)), f32("var", np.abs(random(channels, seed=9)) + 0.5)]
    weights += [f32(name, random(channels, seed=seed)) for seed, name in enumerate(names, 2)]
    return model(nodes, [info("x", X.shape)], [info("y", None)], weights)


def fuse(net: onnx.ModelProto, plan: PrecisionPlan) -> tuple[onnx.ModelProto, Edges]:
    copy = clone(net)
    analysis = analyse(copy)
    return copy, fused(analysis, edges(analysis, plan), fresh_names(copy))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("op", "shape", "attributes", "channels"), KINDS.values(), ids=KINDS)
def test_batch_normalization_is_folded_into_the_convolution_before_it(
    op: str, shape: tuple[int, ...], attributes: dict[str, int], channels: int, bias: bool
) -> None:
    net = network(op, shape, attributes, channels, bias=bias)
    folded, _ = fuse(net, PrecisionPlan("fp16"))
    assert ops(folded.graph) == [op, "Identity", "Relu"]
    assert list(folded.graph.node[0].input) == ["x", "c__folded_weight", "c__folded_bias"]
    np.testing.assert_allclose(run(folded, {"x": X})[0], run(net, {"x": X})[0], rtol=1e-4, atol=1e-4)


def test_a_low_unit_rounds_what_leaves_it_and_what_enters() -> None:
    _, found = fuse(network(*KINDS["Conv"], bias=True), PrecisionPlan("fp16"))
    assert found.outputs == {"n_c": {}, "n_n": {}, "n_y": {0: "fp16"}}
    assert found.inputs["n_c"] == {0: "fp16", 1: "fp16", 2: "fp16"}
    assert found.inputs["n_y"] == {}
    assert found.produced == {("", "y"): "fp16"}


@pytest.mark.parametrize("kept", ["n_c", "n_n", "n_y"])
def test_a_unit_that_is_not_wholly_low_keeps_its_roundings_and_weights(kept: str) -> None:
    net = network(*KINDS["Conv"], bias=True)
    plan = PrecisionPlan("fp16", {kept: "fp32"})
    unfolded, found = fuse(net, plan)
    assert unfolded == net
    assert found == edges(analyse(net), plan)


def test_parameters_that_are_computed_are_not_folded() -> None:
    net = network(*KINDS["Conv"], bias=True)
    net.graph.node.insert(0, node("Identity", "scale", "computed"))
    net.graph.node[2].input[1] = "computed"
    folded, _ = fuse(net, PrecisionPlan("fp16"))
    assert ops(folded.graph) == ["Identity", "Conv", "BatchNormalization", "Relu"]
